// The WebSocket of this origin (RFC 7395). What goes over it is text here, and no more than that.

const RELATION = 'urn:xmpp:alt-connections:websocket';

const DOMAIN = 'urn:hauspost:domain';

interface HostMeta {
  properties?: Record<string, string>;
  links?: { rel?: string; href?: string }[];
}

async function hostMeta(): Promise<HostMeta> {
  const answer = await fetch('/.well-known/host-meta.json', { cache: 'no-store' });
  return answer.ok ? ((await answer.json()) as HostMeta) : {};
}

/** What stands behind the `@` of addresses here. */
export async function domain(): Promise<string> {
  const meta = await hostMeta().catch((): HostMeta => ({}));
  return meta.properties?.[DOMAIN] ?? location.hostname;
}

/** Where it is: host-meta of this origin says the path (XEP-0156); another origin is never asked. */
async function endpoint(): Promise<URL> {
  const address = new URL('/xmpp-websocket', location.origin);
  const { links } = await hostMeta();
  const link = links?.find(({ rel }) => rel === RELATION)?.href;
  if (link) address.pathname = new URL(link).pathname;
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return address;
}

export interface Listener {
  opened(): void;
  received(frame: string): void;
  /** With a text: nobody answered. */
  closed(unreachable?: string): void;
}

/** A connection that is made, and ends; after `close` nothing is heard of it any more. */
export class Connection {
  #listener: Listener | undefined;
  #socket: WebSocket | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    let opened = false;
    const ended = () => {
      this.#end()?.closed(opened ? undefined : 'The server does not answer.');
    };
    try {
      const address = await endpoint();
      if (!this.#listener) return;
      const socket = new WebSocket(address, 'xmpp');
      this.#socket = socket;
      socket.onopen = () => {
        opened = true;
        this.#listener?.opened();
      };
      socket.onmessage = ({ data }) => this.#listener?.received(String(data));
      socket.onclose = ended;
    } catch {
      ended();
    }
  }

  send(frame: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  close(): void {
    this.#end();
    this.#socket?.close();
  }

  #end(): Listener | undefined {
    const listener = this.#listener;
    this.#listener = undefined;
    return listener;
  }
}
