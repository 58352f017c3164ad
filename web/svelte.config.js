import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  // Elements are made one by one: nothing is read as HTML, not even what we have written ourselves.
  compilerOptions: { fragments: 'tree' },
};
