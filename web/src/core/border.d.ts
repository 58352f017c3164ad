/* tslint:disable */
/* eslint-disable */

/**
 * The engine of one account, over two files of the browser.
 */
export class Engine {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Begins to open a file of a message: where it can be had, as JSON.
     */
    beginDownload(transfer: string, conversation: string, message: string, index: number): string;
    /**
     * Begins to seal a file.
     */
    beginFile(transfer: string, conversation: string, facts: string): void;
    /**
     * A part of a history is here, or cannot be had.
     */
    chunkFetched(download: number, bytes: Uint8Array | number[] | null | undefined, since: number, wall: number): void;
    /**
     * It was put there, or was not.
     */
    chunkUploaded(upload: number, success: boolean, since: number, wall: number): void;
    /**
     * The bytes of a part of a history that is to be put somewhere.
     */
    chunk(upload: number): Uint8Array | undefined;
    /**
     * Ends the engine and closes its files.
     */
    close(): void;
    /**
     * The connection is gone; with a text, nobody answered.
     */
    closed(unreachable: string | null | undefined, since: number, wall: number): void;
    /**
     * Connects and logs in with what is kept.
     */
    connect(since: number, wall: number): void;
    /**
     * The WebSocket is open.
     */
    connected(since: number, wall: number): void;
    /**
     * When `tick` is to be called, by the clock of `since`.
     */
    deadline(): number | undefined;
    /**
     * A file is not to be sent or opened any more.
     */
    dropFile(transfer: string): void;
    /**
     * What is to be done next.
     */
    effect(): string | undefined;
    /**
     * All bytes have come: those that stand behind what was opened. Before, nothing of it may be used.
     */
    endDownload(transfer: string): Uint8Array;
    /**
     * A page is gone.
     */
    forget(page: string): void;
    /**
     * Whether there is something to log in with.
     */
    hasCredentials(): boolean;
    /**
     * Says good-bye for good: what was kept to log in ends.
     */
    logOut(since: number, wall: number): void;
    /**
     * Connects and logs in.
     */
    login(password: string, since: number, wall: number): void;
    /**
     * Whether the machine has a network.
     */
    online(online: boolean, since: number, wall: number): void;
    /**
     * Opens the next bytes of a download.
     */
    openFile(transfer: string, chunk: Uint8Array | number[]): Uint8Array;
    /**
     * Opens what is kept in the two files, with the key under which it is sealed (32 bytes).
     */
    static open(one: FileSystemSyncAccessHandle, two: FileSystemSyncAccessHandle, key: Uint8Array | number[], opening: string, since: number, wall: number): Engine;
    /**
     * The bytes of a picture.
     */
    picture(name: string): Uint8Array | undefined;
    /**
     * All bytes were sealed: those that stand behind them.
     */
    placeFile(transfer: string, since: number, wall: number): Uint8Array;
    /**
     * A frame has come.
     */
    received(frame: string, since: number, wall: number): void;
    /**
     * Answers a request of a page.
     */
    request(page: string, json: string, since: number, wall: number): string;
    /**
     * Seals the next bytes of it.
     */
    sealFile(transfer: string, chunk: Uint8Array | number[]): Uint8Array;
    /**
     * The file is where it should be.
     */
    sendFile(transfer: string, since: number, wall: number): string;
    /**
     * Whether the person looks at one of the pages.
     */
    setActive(active: boolean, since: number, wall: number): void;
    /**
     * Makes the account by an invitation, with this password, and logs in.
     */
    signUp(token: string, password: string, since: number, wall: number): void;
    /**
     * Lets time do its work.
     */
    tick(since: number, wall: number): void;
    /**
     * What is to be told next: to which page (empty for all), and what.
     */
    told(): string[] | undefined;
}

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_engine_free: (a: number, b: number) => void;
    readonly engine_beginDownload: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => void;
    readonly engine_beginFile: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => void;
    readonly engine_chunk: (a: number, b: number, c: number) => void;
    readonly engine_chunkFetched: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => void;
    readonly engine_chunkUploaded: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_close: (a: number) => void;
    readonly engine_closed: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_connect: (a: number, b: number, c: number, d: number) => void;
    readonly engine_connected: (a: number, b: number, c: number, d: number) => void;
    readonly engine_deadline: (a: number, b: number) => void;
    readonly engine_dropFile: (a: number, b: number, c: number) => void;
    readonly engine_effect: (a: number, b: number) => void;
    readonly engine_endDownload: (a: number, b: number, c: number, d: number) => void;
    readonly engine_forget: (a: number, b: number, c: number) => void;
    readonly engine_hasCredentials: (a: number) => number;
    readonly engine_logOut: (a: number, b: number, c: number, d: number) => void;
    readonly engine_login: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_online: (a: number, b: number, c: number, d: number, e: number) => void;
    readonly engine_open: (a: number, b: any, c: any, d: number, e: number, f: number, g: number, h: number, i: number) => void;
    readonly engine_openFile: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_picture: (a: number, b: number, c: number, d: number) => void;
    readonly engine_placeFile: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_received: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_request: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => void;
    readonly engine_sealFile: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_sendFile: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly engine_setActive: (a: number, b: number, c: number, d: number, e: number) => void;
    readonly engine_signUp: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => void;
    readonly engine_tick: (a: number, b: number, c: number, d: number) => void;
    readonly engine_told: (a: number, b: number) => void;
    readonly __wbindgen_export: (a: number) => void;
    readonly __wbindgen_export2: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_export3: (a: number, b: number) => number;
    readonly __wbindgen_export4: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_export5: (a: number, b: number, c: number) => void;
    readonly __wbindgen_add_to_stack_pointer: (a: number) => number;
    readonly __wbindgen_export6: (a: number) => void;
    readonly __wbindgen_export7: (a: number, b: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
