/** What a registry asks for. */

/** A user and a password, or what stands for them. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
}
