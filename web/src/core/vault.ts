// What this browser keeps of a device: two files of the origin, and the key that opens them. That key lies wrapped in IndexedDB,
// beside a key that the browser uses for us and gives to nobody.

/** Who is signed in here. */
export interface Profile {
  account: string;
  deviceName: string;
  /** The folder of its files. */
  folder: string;
  /** Opens `wrapped`; not extractable. */
  key: CryptoKey;
  /** Nonce and sealed data key. */
  wrapped: Uint8Array<ArrayBuffer>;
}

export interface Files {
  one: FileSystemSyncAccessHandle;
  two: FileSystemSyncAccessHandle;
}

const DATABASE = 'hauspost';
const STORE = 'profiles';
const NONCE = 12;

function request<T>(wanted: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    wanted.onsuccess = () => resolve(wanted.result);
    wanted.onerror = () => reject(wanted.error ?? new Error('IndexedDB'));
  });
}

async function inStore<T>(
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await request(opening);
  try {
    const transaction = database.transaction(STORE, mode, { durability: 'strict' });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB'));
    });
    const result = await request(act(transaction.objectStore(STORE)));
    await done;
    return result;
  } finally {
    database.close();
  }
}

/** Who is signed in here, if somebody is. */
export async function read(): Promise<Profile | undefined> {
  return (await inStore('readonly', (store) => store.get('profile'))) as Profile | undefined;
}

export async function write(profile: Profile): Promise<void> {
  await inStore('readwrite', (store) => store.put(profile, 'profile'));
}

/** A new device: its keys, and an empty folder. Nothing of it is kept before `write`. */
export async function create(account: string, deviceName: string): Promise<[Profile, Uint8Array]> {
  const algorithm = { name: 'AES-GCM', length: 256 };
  const key = await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']);
  const data = crypto.getRandomValues(new Uint8Array(32));
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, data);
  const wrapped = new Uint8Array(NONCE + sealed.byteLength);
  wrapped.set(nonce);
  wrapped.set(new Uint8Array(sealed), NONCE);
  return [{ account, deviceName, folder: crypto.randomUUID(), key, wrapped }, data];
}

/** The key of a device's data. */
export async function unwrap({ key, wrapped }: Profile): Promise<Uint8Array> {
  const iv = wrapped.slice(0, NONCE);
  const data = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, wrapped.slice(NONCE));
  return new Uint8Array(data);
}

/** Opens the files of a device, for this worker alone. */
export async function files({ folder }: Profile): Promise<Files> {
  const root = await navigator.storage.getDirectory();
  const directory = await root.getDirectoryHandle(folder, { create: true });
  const open = async (name: string) => {
    const file = await directory.getFileHandle(name, { create: true });
    // A worker that has just ended may still hold it.
    for (let attempt = 0; ; attempt++) {
      try {
        return await file.createSyncAccessHandle();
      } catch (error) {
        if (attempt >= 40) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  return { one: await open('one'), two: await open('two') };
}

/** Deletes all that is kept of a device: first the key, without which the rest is noise. */
export async function wipe(folder: string): Promise<void> {
  await inStore('readwrite', (store) => store.delete('profile'));
  await remove(folder);
}

/** Deletes the files of a device. */
export async function remove(folder: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(folder, { recursive: true });
}
