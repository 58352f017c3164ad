// What goes between a page and its worker, and between a worker and the one that leads.
import type { Failure } from './types';

/** What a page wants. What is for the engine goes as its JSON. */
export type Ask =
  | { type: 'request'; json: string }
  | { type: 'login'; account: string; password: string; deviceName: string; invitation?: string }
  | { type: 'logout' }
  | { type: 'active'; active: boolean }
  | { type: 'picture'; picture: string }
  | { type: 'download'; transfer: string; conversation: string; message: string; index: number }
  | {
      type: 'sendFile';
      transfer: string;
      conversation: string;
      file: Blob;
      facts: FileFacts;
    }
  | { type: 'cancel'; transfer: string };

/** What the page knows of a file that it sends. */
export interface FileFacts {
  name: string;
  mediaType: string;
  /** Pixels of a picture or video. */
  width?: number;
  height?: number;
  /** Milliseconds. */
  length?: number;
  /** Loudness of a voice message: up to 64 bars, 0 to 255. */
  waveform?: number[];
  /** A small picture, as `data:` address of at most 8 KiB. */
  thumbnail?: string;
  /** Words that go with it. */
  description?: string;
  /** To be shown in the conversation, not only to be kept. */
  inline: boolean;
}

export interface Asked {
  id: number;
  ask: Ask;
}

/** What comes back: an answer to what was asked, or something that is told. */
export type Answer =
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failed'; id: number; failure: Failure }
  | { type: 'told'; json: string }
  /** Another engine answers from now on: what was subscribed is to be subscribed anew. */
  | { type: 'anew' };
