import { expect, test } from 'vitest'
import { newRedactor, redactArguments } from '../../../src/operations/redact-arguments.ts'

/** Each command line as typed, and as it is written down. */
const CUT: readonly (readonly [typed: string[], written: string[]])[] = [
  // URLs
  [['postgres://ada:hunter2@db/shop'], ['postgres://ada:***@db/shop']],
  [
    ['--database=postgresql://ada:p%40ss@db:5432/shop'],
    ['--database=postgresql://ada:***@db:5432/shop'],
  ],
  [['DATABASE_URL=postgres://ada:p@ss/w@db/shop'], ['DATABASE_URL=postgres://ada:***@db/shop']],
  [['postgres://:hunter2@db/shop'], ['postgres://:***@db/shop']],
  [['redis://:hunter2@cache:6379'], ['redis://:***@cache:6379']],
  [['https://ghs_short@github.com/ada/shop'], ['https://***@github.com/ada/shop']],
  [
    ['postgres://db/shop?user=ada&password=hunter2&sslmode=require'],
    ['postgres://db/shop?user=ada&password=***&sslmode=require'],
  ],
  [['https://api/x?access_token=abc#top'], ['https://api/x?access_token=***']],
  [['ada:hunter2@tcp(db)/shop'], ['ada:***@tcp(db)/shop']],
  // names
  [['PGPASSWORD=hunter2'], ['PGPASSWORD=***']],
  [['PGPASSWORD=two words'], ['PGPASSWORD=***']],
  [
    ['env', 'MYSQL_PWD=x', 'DB_PASS=y', 'psql'],
    ['env', 'MYSQL_PWD=***', 'DB_PASS=***', 'psql'],
  ],
  [
    ['SECRET_KEY_BASE=abc', 'STRIPE_KEY=abc'],
    ['SECRET_KEY_BASE=***', 'STRIPE_KEY=***'],
  ],
  [['AWS_SECRET_ACCESS_KEY=abc/def+g'], ['AWS_SECRET_ACCESS_KEY=***']],
  [
    ['--password=hunter2', '--api-key=k', '--client-secret=s'],
    ['--password=***', '--api-key=***', '--client-secret=***'],
  ],
  [
    ['--password', 'hunter2', '-c', 'x'],
    ['--password', '***', '-c', 'x'],
  ],
  [
    ['--token', 'abc', 'deploy'],
    ['--token', '***', 'deploy'],
  ],
  [
    ['-e', 'POSTGRES_PASSWORD=x', 'postgres'],
    ['-e', 'POSTGRES_PASSWORD=***', 'postgres'],
  ],
  [["host=db password='two words' dbname=shop"], ['host=db password=*** dbname=shop']],
  [['host=db password=hunter2 dbname=shop'], ['host=db password=*** dbname=shop']],
  [['{"user": "ada", "password": "hun\\"ter2"}'], ['{"user": "ada", "password": "***"}']],
  [
    ['-u', 'ada:hunter2'],
    ['-u', 'ada:***'],
  ],
  // shells
  [
    ['sh', '-c', 'PGPASSWORD=hunter2 psql -c "SELECT 1"'],
    ['sh', '-c', 'PGPASSWORD=*** psql -c "SELECT 1"'],
  ],
  [
    ['sh', '-c', 'deploy --token abc --force'],
    ['sh', '-c', 'deploy --token *** --force'],
  ],
  [
    ['sh', '-c', "export API_KEY='abc def'; run"],
    ['sh', '-c', 'export API_KEY=***; run'],
  ],
  // headers
  [
    ['-H', 'Authorization: Bearer abcdef'],
    ['-H', 'Authorization: ***'],
  ],
  [
    ['-H', 'X-Api-Key: abcdef'],
    ['-H', 'X-Api-Key: ***'],
  ],
  [['--header=Cookie: session=abc; b=c'], ['--header=Cookie: ***']],
  [['Bearer abc.def-123'], ['Bearer ***']],
  // SQL
  [
    ['-c', "ALTER USER ada PASSWORD 'it''s'"],
    ['-c', "ALTER USER ada PASSWORD '***'"],
  ],
  [
    ['-c', "CREATE ROLE r LOGIN PASSWORD E'x' VALID UNTIL 'infinity'"],
    ['-c', "CREATE ROLE r LOGIN PASSWORD E'***' VALID UNTIL 'infinity'"],
  ],
  // options of single programs
  [
    ['mysqldump', '-u', 'root', '-phunter2', 'shop'],
    ['mysqldump', '-u', 'root', '-p***', 'shop'],
  ],
  [
    ['docker', 'exec', 'db', '/usr/bin/mariadb-dump', '-phunter2', '-p'],
    ['docker', 'exec', 'db', '/usr/bin/mariadb-dump', '-p***', '-p'],
  ],
  [
    ['redis-cli', '-h', 'cache', '-a', 'hunter2', '--rdb', '-'],
    ['redis-cli', '-h', 'cache', '-a', '***', '--rdb', '-'],
  ],
  [
    ['redis-cli', 'CONFIG', 'SET', 'requirepass', 'hunter2'],
    ['redis-cli', 'CONFIG', 'SET', 'requirepass', '***'],
  ],
  [
    ['redis-cli', '-u', 'redis://default:hunter2@cache:6379/0'],
    ['redis-cli', '-u', 'redis://default:***@cache:6379/0'],
  ],
  [['REDISCLI_AUTH=hunter2'], ['REDISCLI_AUTH=***']],
  [
    ['mongodump', '-u', 'ada', '-p', '-begins-with-a-dash'],
    ['mongodump', '-u', 'ada', '-p', '***'],
  ],
  [
    ['sudo', 'cypher-shell', '-p=hunter2'],
    ['sudo', 'cypher-shell', '-p=***'],
  ],
  [
    ['docker', 'login', '-u', 'ada', '-p', 'hunter2'],
    ['docker', 'login', '-u', 'ada', '-p', '***'],
  ],
  [
    ['openssl', 'enc', '-pass', 'pass:hunter2', '-in', 'x'],
    ['openssl', 'enc', '-pass', '***', '-in', 'x'],
  ],
  [
    ['sh', '-c', "mysqldump -p'two words' shop | redis-cli -a hunter2 -x set k && ssh -p22 h"],
    ['sh', '-c', 'mysqldump -p*** shop | redis-cli -a *** -x set k && ssh -p22 h'],
  ],
  [
    [`ssh h "mysqldump -phunter2 shop" > x`, `'mysql' '-phunter2'`],
    [`ssh h "mysqldump -p*** shop" > x`, `'mysql' '-p***'`],
  ],
  // forms
  [
    [`ghp_${'a'.repeat(36)}`, `sk-proj-${'b'.repeat(30)}`],
    ['***', '***'],
  ],
  [['eyJhbGciOiJI.eyJzdWIi.c2ln'], ['***']],
  [['-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----'], ['***']],
]

test.each(CUT)('of %j is written %j', (typed, written) => {
  expect(redactArguments(typed)).toEqual(written)
})

/** What looks like a secret to a careless eye and is none. */
const KEPT: readonly string[][] = [
  ['run', '-m', 'before step 6', '--', 'alembic', 'upgrade', 'head'],
  ['commit', '-m', 'tokens and passwords are hashed now'],
  ['psql', '-h', 'db', '-U', 'ada', '-c', 'SELECT token_count FROM t WHERE x = 1'],
  ['--password-file=/run/secret', '--token-file', '/run/token'],
  ['--no-password', 'shop'],
  ['postgres://ada@db:5432/shop'],
  ['git@github.com:ada/shop.git', 'ada@example.org'],
  ['max_tokens=5', 'passenger=ada', 'compass=north'],
  ['--rollback-if', 'users.rows < before * 0.9'],
  ['http://localhost:8080/path?x=1'],
  ['-t', 'public.password*'],
  ['pg_dump', '-p5432', '-a', 'shop'],
  ['mysqldump', '-p', 'shop'],
  ['docker', 'run', '-p8080:80', '-p', '5432:5432', 'redis'],
  ['sh', '-c', 'mkdir -p /a && psql -p5432 -a -c "SELECT 1"'],
  ['redis-cli', '--rdb', 'auth.rdb'],
  ['ünïcode', '', ' ', '\n'],
]

test.each(KEPT.map((argv) => [argv]))('%j is written as it is', (argv) => {
  expect(redactArguments(argv)).toEqual(argv)
})

/** What a command says, by the secrets that its command line and environment hold. */
const SAID: readonly [
  argv: string[],
  environment: Record<string, string>,
  said: string,
  kept: string,
][] = [
  [['mysqldump', '-phunter2'], {}, "access denied with 'hunter2'", "access denied with '***'"],
  [['sh', '-c', 'redis-cli -a "s3cr et"'], {}, 'AUTH s3cr et failed', 'AUTH *** failed'],
  [['psql', 'postgres://ada:p%40ss@db/shop'], {}, 'password is p@ss', 'password is ***'],
  [[], { MYSQL_PWD: 'hunter2', PWD: '/srv/shop' }, 'hunter2 in /srv/shop', '*** in /srv/shop'],
  [[], {}, '+ mysqldump -phunter2 shop', '+ mysqldump -p*** shop'],
  // Three characters are in too many words.
  [['mysql', '-pabc'], {}, 'fabcia', 'fabcia'],
]

test.each(SAID)(
  'what %j with %j says is told without the secret',
  (argv, environment, said, kept) => {
    expect(newRedactor(argv, environment)(said)).toBe(kept)
  },
)

test('long command lines are shortened, and a secret at the cut does not show', () => {
  const long = `${'x'.repeat(1990)} PGPASSWORD=${'s'.repeat(5000)}`
  const [shortened, ...rest] = redactArguments([long, ...Array(300).fill('y')])
  expect(shortened).toHaveLength(2000)
  expect(shortened).toBe(`${'x'.repeat(1990)} PGPASSWO…`)
  expect(rest).toHaveLength(200)
  expect(rest.at(-1)).toBe('…')
})

test('a lone surrogate becomes the replacement character', () => {
  expect(redactArguments(['a\ud800b'])).toEqual(['a\ufffdb'])
})

test('a megabyte of anything is read in no time to speak of', { timeout: 20_000 }, () => {
  for (const piece of [
    'mysql -p',
    '"mysql \'',
    'a',
    'a://',
    'password',
    '-',
    '"',
    "'",
    'x:',
    'eyJ',
    'a.',
    ' --',
  ]) {
    const text = piece.repeat(1_000_000 / piece.length)
    expect(redactArguments([text])[0]!.length).toBeLessThanOrEqual(2000)
  }
})
