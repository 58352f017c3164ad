// A list of the REST interface, page by page: what is typed in its search narrows it.
import { reasonOf } from "../../state/asking";
import { path, rest } from "../../state/administration.svelte";

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
  readonly total?: number;
}

type Query = Readonly<Record<string, string | number | boolean | null>>;

export class Listing<T> {
  items = $state.raw<readonly T[] | null>(null);
  next = $state<string | null>(null);
  total = $state<number | null>(null);
  problem = $state<string | null>(null);
  #asked = 0;

  constructor(readonly of: string) {}

  /** Reads the first page; what was there stays until it has come. */
  async load(query: Query = {}): Promise<void> {
    await this.#read(query, null);
  }

  /** Reads the page behind the last. */
  async more(query: Query = {}): Promise<void> {
    if (this.next !== null) await this.#read(query, this.next);
  }

  async #read(query: Query, cursor: string | null): Promise<void> {
    const mine = ++this.#asked;
    this.problem = null;
    try {
      const page = await rest<Page<T>>("GET", path([this.of], { ...query, cursor }));
      if (mine !== this.#asked) return;
      this.items = cursor === null ? page.items : [...(this.items ?? []), ...page.items];
      this.next = page.next ?? null;
      this.total = page.total ?? null;
    } catch (error) {
      if (mine !== this.#asked) return;
      this.items ??= [];
      this.problem = reasonOf(error);
    }
  }
}
