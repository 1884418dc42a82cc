import type { IceOptions } from './ice.js';
import { defaultLimits, type Limits } from './limits.js';

/** The server's configuration, from its environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** No port was configured: where the default one is taken, any free one is used. */
  readonly anyPort: boolean;
  /** A further folder, served below `/pages/`. */
  readonly pages: string | undefined;
  readonly crossOriginIsolation: boolean;
  readonly trustedProxies: number;
  /** False: no `/metrics`; a text: the token that a request must carry. */
  readonly metrics: boolean | string;
  readonly ice: IceOptions;
  readonly bridge: { readonly url: string; readonly prefix: string } | undefined;
  readonly limits: Limits;
}

/** One environment variable, as the program reads it and docs/server.md shows it. */
interface Variable<T> {
  readonly name: string;
  /** The default, as text. */
  readonly fallback: string;
  /** Errors: throws `Wanted` with a description of valid values. */
  readonly parse: (text: string) => T;
}

class Wanted extends Error {}

const anyText = (text: string): string | undefined => (text === '' ? undefined : text);

const onOff = (text: string): boolean => {
  if (text !== 'on' && text !== 'off') throw new Wanted('on or off');
  return text === 'on';
};

const whole = (least: number, most: number) => (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Wanted(`a whole number from ${least} to ${most}`);
  return value;
};

const urls = (schemes: readonly string[]) => (text: string): string[] => {
  const list = text.split(/[\s,]+/).filter((url) => url !== '');
  if (!list.every((url) => schemes.some((scheme) => url.startsWith(`${scheme}:`)))) throw new Wanted(`addresses of ${schemes.join(', ')}`);
  return list;
};

const brokerUrl = (text: string): string | undefined => {
  if (text === '') return undefined;
  if (!/^(mqtts?|wss?):\/\//.test(text) || !URL.canParse(text)) throw new Wanted('an address such as mqtt://user:password@host:1883');
  return text;
};

const topic = (text: string): string => {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new Wanted('1 to 64 of A-Z a-z 0-9 _ -');
  return text;
};

const settings = {
  port: { name: 'PORT', fallback: '8080', parse: whole(0, 65_535) },
  host: { name: 'HOST', fallback: '127.0.0.1', parse: anyText },
  pages: { name: 'PAGES', fallback: '', parse: anyText },
  crossOriginIsolation: { name: 'CROSS_ORIGIN_ISOLATION', fallback: 'on', parse: onOff },
  trustedProxies: { name: 'TRUST_PROXY', fallback: '0', parse: whole(0, 8) },
  metrics: { name: 'METRICS', fallback: 'on', parse: onOff },
  metricsToken: { name: 'METRICS_TOKEN', fallback: '', parse: anyText },
  stunUrls: { name: 'STUN_URLS', fallback: '', parse: urls(['stun', 'stuns']) },
  turnUrls: { name: 'TURN_URLS', fallback: '', parse: urls(['turn', 'turns']) },
  turnSecret: { name: 'TURN_SECRET', fallback: '', parse: anyText },
  turnTtlSeconds: { name: 'TURN_TTL_SECONDS', fallback: '43200', parse: whole(60, 604_800) },
  mqttUrl: { name: 'MQTT_URL', fallback: '', parse: brokerUrl },
  mqttPrefix: { name: 'MQTT_PREFIX', fallback: 'millrace', parse: topic },
} satisfies Record<string, Variable<unknown>>;

type Setting = keyof typeof settings;

const count = whole(1, 10_000_000);

/** Limits by their variables, in which times are whole seconds. */
const limitVariables: { readonly [Limit in keyof Limits]: { name: string; inSeconds?: true } } = {
  maxMessageBytes: { name: 'MAX_MESSAGE_BYTES' },
  maxRooms: { name: 'MAX_ROOMS' },
  maxClientsPerRoom: { name: 'MAX_CLIENTS_PER_ROOM' },
  maxClientsPerAddress: { name: 'MAX_CLIENTS_PER_ADDRESS' },
  messageBurst: { name: 'MESSAGE_BURST' },
  messagesPerSecond: { name: 'MESSAGES_PER_SECOND' },
  maxBufferedBytes: { name: 'MAX_BUFFERED_BYTES' },
  idleMs: { name: 'IDLE_SECONDS', inSeconds: true },
  pingIntervalMs: { name: 'PING_SECONDS', inSeconds: true },
  maxLifetimeMs: { name: 'MAX_LIFETIME_SECONDS', inSeconds: true },
  headersTimeoutMs: { name: 'HEADERS_TIMEOUT_SECONDS', inSeconds: true },
  maxNameplates: { name: 'MAX_CODES' },
  maxNameplatesPerAddress: { name: 'MAX_CODES_PER_ADDRESS' },
  nameplateMs: { name: 'CODE_SECONDS', inSeconds: true },
  freeGuesses: { name: 'FREE_GUESSES' },
  guessPauseMs: { name: 'GUESS_PAUSE_SECONDS', inSeconds: true },
  maxGuessPauseMs: { name: 'MAX_GUESS_PAUSE_SECONDS', inSeconds: true },
  icePerMinute: { name: 'ICE_PER_MINUTE' },
};

/** Every variable with its default as text, in the order of the documentation. */
export function listVariables(): { name: string; fallback: string }[] {
  const limits = (Object.keys(limitVariables) as (keyof Limits)[]).map((limit) => {
    const { name, inSeconds } = limitVariables[limit];
    return { name, fallback: String(defaultLimits[limit] / (inSeconds ? 1000 : 1)) };
  });
  return [...Object.values(settings).map(({ name, fallback }) => ({ name, fallback })), ...limits];
}

/**
 * Reads the environment. An empty variable counts as not set.
 * Errors: throws one `Error` that names each invalid variable. It does not repeat values: some are secret.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const read = <T>({ name, fallback, parse }: Variable<T>): T => {
    try {
      return parse(env[name] || fallback);
    } catch (caught) {
      if (!(caught instanceof Wanted)) throw caught;
      problems.push(`${name} must be ${caught.message}`);
      return parse(fallback);
    }
  };
  const get = <S extends Setting>(setting: S): ReturnType<(typeof settings)[S]['parse']> =>
    read(settings[setting] as unknown as Variable<ReturnType<(typeof settings)[S]['parse']>>);

  const limits = Object.fromEntries(
    (Object.keys(limitVariables) as (keyof Limits)[]).map((limit) => {
      const { name, inSeconds } = limitVariables[limit];
      const scale = inSeconds ? 1000 : 1;
      return [limit, read({ name, fallback: String(defaultLimits[limit] / scale), parse: count }) * scale];
    }),
  ) as unknown as Limits;

  const ice = {
    stunUrls: get('stunUrls'),
    turnUrls: get('turnUrls'),
    turnSecret: get('turnSecret'),
    turnTtlSeconds: get('turnTtlSeconds'),
  };
  if (ice.turnUrls.length > 0 && ice.turnSecret === undefined) problems.push('TURN_URLS needs TURN_SECRET');
  const [url, prefix] = [get('mqttUrl'), get('mqttPrefix')];
  const config: Config = {
    host: get('host') ?? settings.host.fallback,
    port: get('port'),
    anyPort: !env[settings.port.name],
    pages: get('pages'),
    crossOriginIsolation: get('crossOriginIsolation'),
    trustedProxies: get('trustedProxies'),
    metrics: get('metrics') && (get('metricsToken') ?? true),
    ice,
    bridge: url === undefined ? undefined : { url, prefix },
    limits,
  };
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return config;
}
