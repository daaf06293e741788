import { inspect } from 'node:util'

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** Something an address asked for that was not followed, and why that is harmless. */
export type AddressWarning =
  /** A parameter that libpq does not know; ORMs add such (`schema`, `pgbouncer`, `connection_limit`). */
  | { kind: 'parameterIgnored'; parameter: string; source: string }
  /** Others may read the password file, so libpq would not use it either. */
  | { kind: 'passwordFileIgnored'; path: string }

export interface DatabaseAddressParts {
  /** A host name, an IP address, or the absolute path of a socket directory. */
  host: string
  port: number
  databaseName: string
  user: string
  password: string | null
  sslMode: SslMode
  /** PEM file of trusted authorities; `'system'` means the ones the platform trusts. */
  sslRootCertificatePath: string | null
  sslCertificatePath: string | null
  sslKeyPath: string | null
  sslKeyPassphrase: string | null
  channelBinding: 'disable' | 'prefer' | 'require'
  applicationName: string | null
  /** Command-line options for the server process, as in `PGOPTIONS`. */
  options: string | null
  /** 0 waits as long as the operating system does. */
  connectTimeoutMs: number
  /** Where the address was found: `--database`, `DATABASE_URL`, …. */
  source: string
  warnings: readonly AddressWarning[]
}

type SecretParts = Pick<DatabaseAddressParts, 'password' | 'sslKeyPassphrase'>
type PublicParts = Readonly<Omit<DatabaseAddressParts, keyof SecretParts>>

/**
 * Which database, on which server, as whom.
 *
 * Every way of turning one into text (`String`, `JSON.stringify`,
 * `util.inspect`, spreading) leaves its secrets out.
 */
export class DatabaseAddress {
  readonly parts: PublicParts
  readonly #secrets: SecretParts

  constructor(parts: DatabaseAddressParts) {
    const { password, sslKeyPassphrase, ...publicParts } = parts
    this.parts = publicParts
    this.#secrets = { password, sslKeyPassphrase }
  }

  get databaseName(): string {
    return this.parts.databaseName
  }

  get user(): string {
    return this.parts.user
  }

  get warnings(): readonly AddressWarning[] {
    return this.parts.warnings
  }

  /** True for a socket directory, where TLS is neither possible nor needed. */
  get isLocalSocket(): boolean {
    return this.parts.host.startsWith('/')
  }

  /** Hands out the secrets; only the code that opens a connection asks. */
  revealSecrets(): Readonly<SecretParts> {
    return this.#secrets
  }

  toString(): string {
    return describeAddress(this)
  }

  toJSON(): { host: string; port: number; database: string; user: string } {
    const { host, port, databaseName, user } = this.parts
    return { host, port, database: databaseName, user }
  }

  [inspect.custom](): string {
    return `DatabaseAddress(${describeAddress(this)})`
  }
}

/** Returns `user@host:port/database`, for people; never a secret. */
export function describeAddress(address: DatabaseAddress): string {
  const { user, host, port, databaseName } = address.parts
  const shownHost = host.includes(':') ? `[${host}]` : host
  return `${user}@${shownHost}:${port}/${databaseName}`
}

/** Returns the same server and role with another database. */
export function withDatabase(address: DatabaseAddress, databaseName: string): DatabaseAddress {
  return new DatabaseAddress({ ...address.parts, ...address.revealSecrets(), databaseName })
}
