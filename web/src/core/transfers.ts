// Files on their way: the bytes go by here in pieces, and through the engine, which seals and opens them.
import type { Chunk, Device, Upload } from './device';
import { failure } from './engine';
import type { Event, Told } from './types';
import type { Ask } from './wire';

const PIECE = 256 * 1024;

type SendFile = Extract<Ask, { type: 'sendFile' }>;
type Download = Extract<Ask, { type: 'download' }>;

/** Media types that a page may show; anything else is bytes. Sealed files say of themselves what they like. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif)|video\/[\w.+-]+|audio\/[\w.+-]+|application\/pdf|text\/plain)$/;

interface Leaving {
  device: Device;
  size: number;
  body: Blob;
  abort: AbortController;
}

export class Transfers {
  readonly #tell: (json: string) => void;
  readonly #leaving = new Map<string, Leaving>();
  /** Those that are being fetched. */
  readonly #coming = new Map<string, AbortController>();

  constructor(tell: (json: string) => void) {
    this.#tell = tell;
  }

  #event(event: Event): void {
    this.#tell(JSON.stringify({ type: 'event', event } satisfies Told));
  }

  #progress(transfer: string, sent: number, size: number, failed: string | null, done = false): void {
    this.#event({ type: 'transfer', transfer, sent, size, failed, done });
  }

  /** Seals a file and asks for a place; `upload` goes on when there is one. */
  async send(device: Device, { transfer, conversation, file, facts }: SendFile): Promise<void> {
    const abort = new AbortController();
    const leaving: Leaving = { device, size: file.size, body: file, abort };
    this.#leaving.set(transfer, leaving);
    this.#progress(transfer, 0, file.size, null);
    try {
      device.run((engine) => engine.beginFile(transfer, conversation, JSON.stringify(facts)));
      const parts: BlobPart[] = [];
      for (let at = 0; at < file.size; at += PIECE) {
        const piece = new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
        if (abort.signal.aborted) return;
        parts.push(device.run((engine) => engine.sealFile(transfer, piece)) as BlobPart);
      }
      parts.push(
        device.run((engine, since, wall) => engine.placeFile(transfer, since, wall)) as BlobPart,
      );
      leaving.body = new Blob(parts, { type: 'application/octet-stream' });
    } catch (error) {
      this.#forget(transfer);
      throw error;
    }
  }

  /** There is a place. */
  upload({ transfer, put, headers }: Upload): void {
    const leaving = this.#leaving.get(transfer);
    if (!leaving) return;
    const { device, size, body, abort } = leaving;
    const request = new XMLHttpRequest();
    const failed = (text: string) => {
      this.#forget(transfer);
      this.#progress(transfer, 0, size, text);
    };
    request.upload.onprogress = ({ loaded }) =>
      this.#progress(transfer, Math.min(loaded, size), size, null);
    request.onerror = () => failed('The connection was lost: send the file again.');
    request.onload = () => {
      if (request.status !== 200 && request.status !== 201) {
        failed(`The server did not take the file (${request.status}): send it again.`);
        return;
      }
      try {
        device.run((engine, since, wall) => engine.sendFile(transfer, since, wall));
        this.#leaving.delete(transfer);
        this.#progress(transfer, size, size, null, true);
      } catch (error) {
        failed(typeof error === 'string' ? (JSON.parse(error) as { text: string }).text : String(error));
      }
    };
    abort.signal.addEventListener('abort', () => request.abort());
    request.open('PUT', onOurOrigin(put, device) ?? put);
    for (const [name, value] of headers) request.setRequestHeader(name, value);
    request.send(body);
  }

  /** There is no place. */
  ended(transfer: string, text: string): void {
    const size = this.#leaving.get(transfer)?.size ?? 0;
    this.#leaving.delete(transfer);
    this.#progress(transfer, 0, size, text);
  }

  cancel(transfer: string): void {
    this.#coming.get(transfer)?.abort();
    this.#leaving.get(transfer)?.abort.abort();
    this.#forget(transfer);
  }

  #forget(transfer: string): void {
    const leaving = this.#leaving.get(transfer);
    this.#leaving.delete(transfer);
    leaving?.device.run((engine) => engine.dropFile(transfer));
  }

  /** Moves a part of a history, as it is: it is sealed for our other device. */
  async chunk(device: Device, chunk: Chunk): Promise<void> {
    if (chunk.type === 'uploadChunk') {
      const bytes = device.run((engine) => engine.chunk(chunk.upload));
      const sent = await fetch(onOurOrigin(chunk.put, device) ?? chunk.put, {
        method: 'PUT',
        headers: chunk.headers,
        body: bytes as BlobPart as BodyInit,
        credentials: 'omit',
      }).catch(() => null);
      device.later((engine, since, wall) =>
        engine.chunkUploaded(chunk.upload, sent?.ok === true, since, wall),
      );
      return;
    }
    const bytes = await this.#part(device, chunk.url, chunk.size).catch(() => undefined);
    device.later((engine, since, wall) =>
      engine.chunkFetched(chunk.download, bytes, since, wall),
    );
  }

  async #part(device: Device, url: string, size: number): Promise<Uint8Array | undefined> {
    const address = onOurOrigin(url, device);
    if (!address) return undefined;
    const answer = await fetch(address, { credentials: 'omit' });
    if (!answer.ok || Number(answer.headers.get('content-length')) > size) return undefined;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return bytes.length <= size ? bytes : undefined;
  }

  /** Fetches and opens a file of a message. */
  async fetch(device: Device, { transfer, conversation, message, index }: Download): Promise<Blob> {
    const begun = device.run((engine) =>
      engine.beginDownload(transfer, conversation, message, index),
    );
    const { url, mediaType } = JSON.parse(begun) as { url: string; mediaType: string | null };
    const abort = new AbortController();
    this.#coming.set(transfer, abort);
    try {
      const address = onOurOrigin(url, device);
      if (!address) {
        throw failure('notPossible', 'This file lies on another server, to which this page may not talk.');
      }
      const answer = await fetch(address, { credentials: 'omit', signal: abort.signal });
      if (!answer.ok || !answer.body) {
        throw failure('notFound', `The file is not there any more (${answer.status}).`);
      }
      const parts: BlobPart[] = [];
      const size = Number(answer.headers.get('content-length') ?? 0);
      let taken = 0;
      let told = 0;
      const reader = answer.body.getReader();
      for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
        const piece = value ?? new Uint8Array();
        taken += piece.length;
        if (taken - told >= Math.max(PIECE, size / 100)) {
          told = taken;
          this.#progress(transfer, taken, size, null);
        }
        parts.push(device.run((engine) => engine.openFile(transfer, piece)) as BlobPart);
      }
      parts.push(device.run((engine) => engine.endDownload(transfer)) as BlobPart);
      const type = mediaType && SHOWN.test(mediaType) ? mediaType : 'application/octet-stream';
      return new Blob(parts, { type });
    } catch (error) {
      device.run((engine) => engine.dropFile(transfer));
      if (abort.signal.aborted) throw failure('notPossible', 'You have stopped this.');
      if (error instanceof TypeError) {
        throw failure('offline', 'The file could not be fetched: try again when you are online.');
      }
      throw error;
    } finally {
      this.#coming.delete(transfer);
    }
  }
}

/** The address on this origin, where it is one of the house; else nothing: no other origin is asked. */
function onOurOrigin(text: string, device: Device): string | undefined {
  const url = new URL(text, location.origin);
  const domain = device.profile.account.split('@')[1];
  const ours = url.host === location.host || url.hostname === domain || url.hostname === location.hostname;
  return ours ? new URL(url.pathname + url.search, location.origin).href : undefined;
}
