import { defaultIceServers } from '../api/ice_servers.js';
import type { MetricsAccess } from './answers.js';
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
  readonly allowedOrigins: readonly string[];
  readonly connectSources: readonly string[];
  readonly metrics: MetricsAccess;
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

const oneOf = <Word extends string>(choices: readonly Word[]) => (text: string): Word => {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new Wanted(choices.join(' or '));
  return found;
};

const whole = (least: number, most: number) => (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) throw new Wanted(`a whole number from ${least} to ${most}`);
  return value;
};

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');

const urls = (schemes: readonly string[]) => (text: string): string[] => {
  const list = words(text);
  if (!list.every((url) => schemes.some((scheme) => url.startsWith(`${scheme}:`)))) throw new Wanted(`addresses of ${schemes.join(', ')}`);
  return list;
};

const origins = (text: string): string[] => {
  const list = words(text);
  const isOrigin = (item: string): boolean => item === '*' || (/^https?:/.test(item) && URL.canParse(item) && new URL(item).origin === item);
  if (!list.every(isOrigin)) throw new Wanted('* or origins such as https://example.org, without a path');
  return list;
};

const sources = (text: string): string[] => {
  const list = words(text);
  if (!list.every((item) => /^(https?|wss?):(\/\/[A-Za-z0-9_.*-]+(:(\d+|\*))?)?$/.test(item))) throw new Wanted('sources such as wss://broker.example.org');
  return list;
};

/** `none`: an empty list. */
const urlsOrNone = (schemes: readonly string[]) => (text: string): string[] => (text === 'none' ? [] : urls(schemes)(text));

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
  allowedOrigins: { name: 'ALLOWED_ORIGINS', fallback: '', parse: origins },
  connectSources: { name: 'CONNECT_SRC', fallback: '', parse: sources },
  metrics: { name: 'METRICS', fallback: 'local', parse: oneOf<'local' | 'on' | 'off'>(['local', 'on', 'off']) },
  metricsToken: { name: 'METRICS_TOKEN', fallback: '', parse: anyText },
  stunUrls: { name: 'STUN_URLS', fallback: defaultIceServers.map(({ urls: url }) => url).join(), parse: urlsOrNone(['stun', 'stuns']) },
  turnUrls: { name: 'TURN_URLS', fallback: '', parse: urls(['turn', 'turns']) },
  turnSecret: { name: 'TURN_SECRET', fallback: '', parse: anyText },
  turnTtlSeconds: { name: 'TURN_TTL_SECONDS', fallback: '3600', parse: whole(60, 604_800) },
  openTurn: { name: 'OPEN_TURN', fallback: 'off', parse: onOff },
  mqttUrl: { name: 'MQTT_URL', fallback: '', parse: brokerUrl },
  mqttPrefix: { name: 'MQTT_PREFIX', fallback: 'millrace', parse: topic },
} satisfies Record<string, Variable<unknown>>;

type Setting = keyof typeof settings;

const count = whole(1, 1_000_000_000);

/** Limits by their variables, in which times are whole seconds. */
const limitVariables: { readonly [Limit in keyof Limits]: { name: string; inSeconds?: true } } = {
  maxMessageBytes: { name: 'MAX_MESSAGE_BYTES' },
  maxRooms: { name: 'MAX_ROOMS' },
  maxClientsPerRoom: { name: 'MAX_CLIENTS_PER_ROOM' },
  maxRoomSize: { name: 'MAX_ROOM_SIZE' },
  maxClientsPerAddress: { name: 'MAX_CLIENTS_PER_ADDRESS' },
  messageBurst: { name: 'MESSAGE_BURST' },
  messagesPerSecond: { name: 'MESSAGES_PER_SECOND' },
  byteBurst: { name: 'BYTE_BURST' },
  bytesPerSecond: { name: 'BYTES_PER_SECOND' },
  addressMessagesPerSecond: { name: 'ADDRESS_MESSAGES_PER_SECOND' },
  addressBytesPerSecond: { name: 'ADDRESS_BYTES_PER_SECOND' },
  totalMessagesPerSecond: { name: 'TOTAL_MESSAGES_PER_SECOND' },
  totalBytesPerSecond: { name: 'TOTAL_BYTES_PER_SECOND' },
  maxBufferedBytes: { name: 'MAX_BUFFERED_BYTES' },
  maxBufferedBytesPerAddress: { name: 'MAX_BUFFERED_BYTES_PER_ADDRESS' },
  maxBufferedBytesInAll: { name: 'MAX_BUFFERED_BYTES_IN_ALL' },
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
    openTurn: get('openTurn'),
  };
  if (ice.turnUrls.length > 0 && ice.turnSecret === undefined) problems.push('TURN_URLS needs TURN_SECRET');
  // Otherwise no message of that length would ever get through.
  if (Math.min(limits.byteBurst, limits.addressBytesPerSecond * 4) < limits.maxMessageBytes) {
    problems.push('BYTE_BURST, and four times ADDRESS_BYTES_PER_SECOND, must be at least MAX_MESSAGE_BYTES');
  }
  const [url, prefix] = [get('mqttUrl'), get('mqttPrefix')];
  const config: Config = {
    host: get('host') ?? settings.host.fallback,
    port: get('port'),
    anyPort: !env[settings.port.name],
    pages: get('pages'),
    crossOriginIsolation: get('crossOriginIsolation'),
    trustedProxies: get('trustedProxies'),
    allowedOrigins: get('allowedOrigins'),
    connectSources: get('connectSources'),
    metrics: metricsAccess(get('metrics'), get('metricsToken')),
    ice,
    bridge: url === undefined ? undefined : { url, prefix },
    limits,
  };
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return config;
}

function metricsAccess(setting: 'local' | 'on' | 'off', token: string | undefined): MetricsAccess {
  if (setting === 'off') return 'nobody';
  if (token !== undefined) return { token };
  return setting === 'on' ? 'anyone' : 'local';
}
