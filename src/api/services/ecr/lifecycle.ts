/** Validates lifecycle policies of repositories. Source: Amazon ECR User Guide, "Lifecycle policy parameters". */

type Json = Readonly<Record<string, unknown>>;

const COUNT_TYPES = ['imageCountMoreThan', 'sinceImagePushed', 'sinceImagePulled', 'sinceImageTransitioned'];

/** All that is wrong with a lifecycle policy; empty when nothing is. */
export function lifecycleFaults(text: string): readonly string[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return [`it is not JSON: ${(error as Error).message}`];
  }
  const rules = isObject(document) ? document['rules'] : undefined;
  if (!Array.isArray(rules) || rules.length === 0) return ["it has no list 'rules'"];
  if (rules.length > 50) return ['it has more than 50 rules'];
  const priorities = new Set<unknown>();
  return rules.flatMap((rule: unknown, index) => {
    const place = `rules[${index}]`;
    if (!isObject(rule)) return [`${place} is not an object`];
    const faults = ruleFaults(rule, place);
    if (priorities.has(rule['rulePriority']))
      faults.push(`${place}.rulePriority: ${String(rule['rulePriority'])} is there twice`);
    priorities.add(rule['rulePriority']);
    return faults;
  });
}

function ruleFaults(rule: Json, place: string): string[] {
  const faults: string[] = [];
  if (!isWhole(rule['rulePriority'])) faults.push(`${place}.rulePriority: must be a whole number from 1 up`);
  const { selection, action } = rule;
  if (!isObject(action) || !['expire', 'transition'].includes(String(action['type'])))
    faults.push(`${place}.action.type: must be expire`);
  if (!isObject(selection)) return [...faults, `${place}.selection: must be an object`];
  const { tagStatus, tagPrefixList, tagPatternList, countType, countUnit, countNumber } = selection;
  if (!['tagged', 'untagged', 'any'].includes(String(tagStatus)))
    faults.push(`${place}.selection.tagStatus: must be tagged, untagged or any`);
  const lists = [tagPrefixList, tagPatternList].filter((list) => list !== undefined);
  if (tagStatus === 'tagged' && (lists.length !== 1 || !isTexts(lists[0])))
    faults.push(`${place}.selection: with tagStatus tagged, needs either tagPrefixList or tagPatternList`);
  if (tagStatus !== 'tagged' && lists.some((list) => !Array.isArray(list) || list.length > 0))
    faults.push(`${place}.selection: tagPrefixList and tagPatternList go with tagStatus tagged only`);
  if (!COUNT_TYPES.includes(String(countType)))
    faults.push(`${place}.selection.countType: must be one of ${COUNT_TYPES.join(', ')}`);
  if (countType === 'imageCountMoreThan' ? countUnit !== undefined : countUnit !== 'days')
    faults.push(`${place}.selection.countUnit: must be days, and goes with a time only`);
  if (!isWhole(countNumber)) faults.push(`${place}.selection.countNumber: must be a whole number from 1 up`);
  return faults;
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && each !== '');
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
