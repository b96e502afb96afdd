import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Browser, launch, type Page } from 'puppeteer-core';
import { killAtEnd, killGroup } from './child-group.ts';

const ROOT = join(import.meta.dirname, '../..');

/** How long the browser may take to come up, or for a single question, ms. */
const PATIENCE_MS = 60_000;
/** How long it may take to close. */
const CLOSE_MS = 5000;

/**
 * Debian's Chromium without a window, with microphones that beep, and no trust in certificates needed. It is closed when
 * the stack is disposed of, at the latest when this process ends.
 */
export async function openBrowser(closing: AsyncDisposableStack): Promise<Browser> {
  const browser = await launch({
    timeout: PATIENCE_MS,
    protocolTimeout: PATIENCE_MS,
    executablePath: '/usr/bin/chromium',
    headless: true,
    acceptInsecureCerts: true,
    args: [
      '--no-sandbox',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
  const child = browser.process();
  if (child !== null) killAtEnd(child);
  closing.defer(() => close(browser, child));
  return browser;
}

/** Asks it to close; one that does not is killed, with all its processes. */
async function close(browser: Browser, child: ChildProcess | null): Promise<void> {
  const kill = (): void => {
    if (child !== null) killGroup(child);
    void browser.disconnect();
  };
  const timer = setTimeout(kill, CLOSE_MS);
  try {
    await browser.close();
  } catch {
    kill();
  } finally {
    clearTimeout(timer);
  }
}

let bundle: string | null = null;

/** JsSIP as one script that sets `window.JsSIP`. */
async function jsSip(): Promise<string> {
  if (bundle === null) {
    const { outputFiles } = await build({
      stdin: { contents: "export { default } from 'jssip';", resolveDir: ROOT },
      bundle: true,
      minify: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      globalName: 'JsSipModule',
      logLevel: 'silent',
    });
    bundle = `${outputFiles[0]?.text ?? ''}\nwindow.JsSIP = JsSipModule.default;`;
  }
  return bundle;
}

/** How a phone is set up. */
export interface PhoneOptions {
  /** Page to be on: its origin is the handshake's. */
  readonly page: string;
  readonly socket: string;
  readonly user: string;
  readonly domain: string;
  readonly password?: string;
}

/** What a phone tells of itself. */
interface PhoneState {
  readonly events: readonly string[];
  /** Audio bytes received, and whether any of it was louder than silence. */
  readonly audio: { readonly bytes: number; readonly level: number };
}

/** A page with a JsSIP user agent. */
export class BrowserPhone {
  readonly #page: Page;
  readonly user: string;

  private constructor(page: Page, user: string) {
    this.#page = page;
    this.user = user;
  }

  static async open(browser: Browser, options: PhoneOptions): Promise<BrowserPhone> {
    const page = await browser.newPage();
    await page.goto(options.page);
    await page.addScriptTag({ content: await jsSip() });
    await page.addScriptTag({ content: PHONE });
    await page.evaluate(`startPhone(${JSON.stringify(options)})`);
    return new BrowserPhone(page, options.user);
  }

  /** Waits for an event: `registered`, `confirmed`, `ended …`; rejects with all that happened when it does not come. */
  async saw(event: string, timeoutMs = 20_000): Promise<void> {
    const text = JSON.stringify(event);
    await this.#page
      .waitForFunction(`phone.events.some((e) => e.startsWith(${text}))`, { timeout: timeoutMs, polling: 50 })
      .catch(async () => {
        throw new Error(`${this.user}: no ${event} in ${JSON.stringify((await this.state()).events)}`);
      });
  }

  async call(target: string): Promise<void> {
    await this.#page.evaluate(`phone.call(${JSON.stringify(target)})`);
  }

  async message(target: string, text: string): Promise<void> {
    await this.#page.evaluate(`phone.ua.sendMessage(${JSON.stringify(target)}, ${JSON.stringify(text)})`);
  }

  async hangUp(): Promise<void> {
    await this.#page.evaluate('phone.session.terminate()');
  }

  /** Waits until audio that is not silence has come. */
  async hears(timeoutMs = 20_000): Promise<void> {
    await this.#page
      .waitForFunction('phone.measure().then(() => phone.audio.bytes > 2000 && phone.audio.level > 0.001)', {
        timeout: timeoutMs,
        polling: 200,
      })
      .catch(async () => {
        throw new Error(`${this.user} hears nothing: ${JSON.stringify(await this.state())}`);
      });
  }

  /** The candidate pair that media takes: `address:port` of the other side. */
  async remoteMedia(): Promise<string> {
    return (await this.#page.evaluate('phone.remoteMedia()')) as string;
  }

  async state(): Promise<PhoneState> {
    return (await this.#page.evaluate('({ events: phone.events, audio: phone.audio })')) as PhoneState;
  }

  async close(): Promise<void> {
    await this.#page.close();
  }
}

/** Runs in the page. Every call that comes is answered. */
const PHONE = `
window.startPhone = ({ socket, user, domain, password }) => {
  const phone = { events: [], session: null, audio: { bytes: 0, level: 0 } };
  const say = (text) => phone.events.push(text);
  const ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(socket)],
    uri: 'sip:' + user + '@' + domain,
    password: password || 'none',
    register: true,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 1,
  });
  phone.ua = ua;
  const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
  ua.on('connected', () => say('connected'));
  ua.on('disconnected', (e) => say('disconnected ' + e.code));
  ua.on('registered', () => say('registered'));
  ua.on('registrationFailed', (e) => say('registrationFailed ' + e.cause + ' ' + (e.response ? e.response.status_code : '')));
  ua.on('newMessage', ({ originator, message, request }) => {
    if (originator === 'remote') say('message ' + request.body);
    else message.on('succeeded', () => say('sent')), message.on('failed', (e) => say('not sent ' + e.cause));
  });
  ua.on('newRTCSession', ({ originator, session }) => {
    phone.session = session;
    session.on('confirmed', () => say('confirmed'));
    session.on('failed', (e) => say('failed ' + e.cause + ' ' + (e.message && e.message.status_code || '')));
    session.on('ended', (e) => say('ended ' + e.originator));
    if (originator === 'remote') session.answer(media);
  });
  phone.call = (target) => void ua.call(target, media);
  phone.stats = async () => phone.session && phone.session.connection ? [...(await phone.session.connection.getStats()).values()] : [];
  // The level of what nobody plays is not measured.
  phone.play = () => {
    const [receiver] = phone.session.connection.getReceivers();
    phone.player = new Audio();
    phone.player.srcObject = new MediaStream([receiver.track]);
    void phone.player.play();
  };
  phone.measure = async () => {
    if (!phone.player && phone.session && phone.session.connection) phone.play();
    for (const each of await phone.stats()) {
      if (each.type !== 'inbound-rtp' || each.kind !== 'audio') continue;
      phone.audio.bytes = each.bytesReceived;
      phone.audio.level = Math.max(phone.audio.level, each.audioLevel || 0);
    }
  };
  phone.remoteMedia = async () => {
    const stats = await phone.stats();
    const pair = stats.find((each) => each.type === 'candidate-pair' && each.state === 'succeeded' && each.nominated);
    const remote = pair && stats.find((each) => each.id === pair.remoteCandidateId);
    return remote ? remote.address + ':' + remote.port : '';
  };
  window.phone = phone;
  ua.start();
};
`;
