import { mount } from 'svelte';
import App from './App.svelte';
import { open } from './core/core';

const target = document.getElementById('app');
if (target) mount(App, { target, props: { core: open() } });
