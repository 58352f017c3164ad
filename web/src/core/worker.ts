// The worker of a page. Of all pages of this origin the worker of one has the device (Web Locks say which); the others ask it.
import { Leader } from './leader';
import type { Answer, Asked } from './wire';

type Call =
  | { to: 'leader'; page: string; asked: Asked }
  /** To a page, or to all of them. */
  | { to: 'page'; page: string; answer: Answer };

const LOCK = 'hauspost';
const page = crypto.randomUUID();
const channel = new BroadcastChannel(LOCK);
const post = (answer: Answer) => self.postMessage(answer);
const call = (to: Call) => channel.postMessage(to);

let leader: Leader | undefined;
/** Pages that the leader serves. */
const served = new Set<string>();
/** What this page has asked and was not answered. */
const open = new Map<number, Asked>();

function serve(of: string): void {
  if (served.has(of)) return;
  served.add(of);
  // Each page holds a lock of its own: who gets it knows that the page is gone.
  void navigator.locks.request(`${LOCK} ${of}`, () => {
    served.delete(of);
    leader?.forget(of);
  });
}

function say(to: string, answer: Answer): void {
  if (to === page || to === '') post(answer);
  if (to !== page) call({ to: 'page', page: to, answer });
}

function ask(asked: Asked): void {
  if (leader) {
    void leader.take(page, asked);
    return;
  }
  open.set(asked.id, asked);
  call({ to: 'leader', page, asked });
}

channel.onmessage = ({ data }: MessageEvent<Call>) => {
  if (data.to === 'leader') {
    if (!leader) return;
    serve(data.page);
    void leader.take(data.page, data.asked);
  } else if (data.page === page || data.page === '') {
    if (data.answer.type === 'answer' || data.answer.type === 'failed') open.delete(data.answer.id);
    if (data.answer.type === 'anew') again();
    post(data.answer);
  }
};

/** Another one leads: whether it was asked what we asked, nobody knows. */
function again(): void {
  for (const { id, ask } of open.values()) {
    const text = 'This was interrupted because another window was closed: look whether it was done, or do it again.';
    const isLook = ask.type === 'request' && /^\{"type":"(un)?subscribe"/.test(ask.json);
    // What is looked at is asked for anew by the page itself.
    if (isLook) post({ type: 'answer', id, value: '{"type":"done","done":{"type":"done"}}' });
    else post({ type: 'failed', id, failure: { kind: 'offline', text } });
  }
  open.clear();
}

const waiting: Asked[] = [];
let ready = false;
self.onmessage = ({ data }: MessageEvent<Asked>) => {
  if (ready) ask(data);
  else waiting.push(data);
};

function begin(): void {
  ready = true;
  for (const asked of waiting.splice(0)) ask(asked);
}

/** Resolves never: the lock is held as long as the worker lives. */
const forever = new Promise<never>(() => {});

function lead(): Promise<never> {
  leader = new Leader(say);
  return forever;
}

function compete(): void {
  void navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
    if (lock) {
      const held = lead();
      begin();
      return held;
    }
    begin();
    void navigator.locks.request(LOCK, () => {
      const held = lead();
      again();
      post({ type: 'anew' });
      call({ to: 'page', page: '', answer: { type: 'anew' } });
      return held;
    });
    return undefined;
  });
}

void navigator.locks.request(`${LOCK} ${page}`, () => {
  compete();
  return forever;
});
