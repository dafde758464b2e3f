/**
 * Code that operations on infrastructure configurations, distribution configurations and lifecycle policies share:
 * named resources without versions.
 */
import { configurationPosition, type Configuration, type ConfigurationQueries } from '../../catalog/configurations.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import type { ResourceType } from '../../resources/arns.ts';
import { resourceAlreadyExists, resourceDependency, resourceNotFound } from '../../resources/errors.ts';
import type { OperationContext } from '../context.ts';
import { openPage, type PageInput } from '../paging.ts';
import { ownArn, placeOf, readFilters, visibleArn, type Filter } from './common.ts';

/** A type of configuration. */
interface Kind<T extends Configuration, Column extends string> {
  readonly queries: ConfigurationQueries<T, Column>;
  readonly type: ResourceType;
  /** Its name in errors: `InfrastructureConfiguration`. */
  readonly name: string;
  /** The input member with its ARN. */
  readonly member: string;
}

/** The parts of the operations on one type of configuration that do not depend on its content. */
export function configurationParts<T extends Configuration, Column extends string>(kind: Kind<T, Column>) {
  const { queries, type, name, member } = kind;
  const existing = async ({ db }: OperationContext, arn: string): Promise<T & { arn: string; name: string }> => {
    const found = await queries.get(db, arn);
    if (found === undefined) throw resourceNotFound(arn);
    return found;
  };
  return {
    /** @throws {ApiError} ResourceAlreadyExistsException */
    async refuseExisting({ db }: OperationContext, arn: string): Promise<void> {
      if ((await queries.get(db, arn)) !== undefined) throw resourceAlreadyExists(name, arn);
    },

    /** One that the caller may see. @throws {ApiError} as `visibleArn`, ResourceNotFoundException */
    async visible(context: OperationContext, arn: string): Promise<T & { arn: string; name: string }> {
      visibleArn(context, arn, type, member);
      return existing(context, arn);
    },

    /** One that the caller may change. @throws {ApiError} as `ownArn`, ResourceNotFoundException */
    async own(context: OperationContext, arn: string): Promise<T & { arn: string; name: string }> {
      ownArn(context, arn, type, member);
      return existing(context, arn);
    },

    /** One page of the caller's own. @param columns the filters of the list, by name */
    async page(
      input: PageInput & { readonly filters?: readonly Filter[] | undefined },
      context: OperationContext,
      columns: Readonly<Record<string, Column>>,
    ): Promise<{ readonly items: T[]; readonly nextToken?: string }> {
      const conditions = readFilters(input.filters, columns);
      const page = openPage(input, context, ['string']);
      return page.cut(await queries.list(context.db, placeOf(context), conditions, page), configurationPosition);
    },

    /**
     * Deletes one of the caller's if nothing depends on it.
     * @throws {ApiError} as `own`, ResourceDependencyException
     */
    async remove(context: OperationContext, arn: string): Promise<void> {
      await this.own(context, arn);
      const dependents = await dependentsOf(context.db, arn);
      if (dependents.length > 0) throw resourceDependency(arn, dependents);
      await queries.remove(context.db, arn);
    },
  };
}
