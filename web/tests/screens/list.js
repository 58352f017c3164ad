// Every screen: where it begins, and what is done until it is there.

/** @typedef {{ name: string, at: string, run?: (page: import('playwright-core').Page) => Promise<void> }} Screen */

const sales = '#/chat/vertrieb-nord%40rooms.brenner.example';
const moving = '#/chat/umzug-halle-4%40rooms.brenner.example';
const anton = '#/chat/anton%40brenner.example';
const operations = '#/chat/betrieb%40rooms.brenner.example';
const everyone = '#/chat/alle%40rooms.brenner.example';

/** The text of a control, in either language. */
const named = (page, ...names) => page.getByRole('button', { name: new RegExp(`^(${names.join('|')})`) });

/** @type {Screen[]} */
export const screens = [
  { name: 'login', at: '?signedOut' },
  { name: 'sign-up', at: '?invite' },
  { name: 'sign-up-gone', at: '?invite=gone' },
  {
    name: 'sign-up-wrong',
    at: '?invite',
    run: async (page) => {
      await page.locator('input[name=username]').fill('kim lee');
      await page.locator('button[type=submit]').click();
    },
  },
  { name: 'list', at: '#/' },
  { name: 'list-empty', at: '?empty#/' },
  { name: 'list-request', at: '?request#/' },
  { name: 'conversation', at: sales },
  { name: 'details', at: `?details${sales}` },
  {
    name: 'file-list',
    at: `?details${sales}`,
    run: async (page) => {
      if (await page.getByRole('complementary').count() === 0) await page.locator('header .who').click();
      await named(page, 'Files and', 'Dateien und').click();
      await page.getByRole('dialog').locator('section').first().waitFor();
    },
  },
  { name: 'person', at: `?details${anton}` },
  { name: 'troubles', at: moving },
  { name: 'read-only', at: everyone },
  { name: 'offline', at: `?offline${sales}` },
  {
    name: 'message-tools',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').last().focus();
      await page.locator('[data-message]').last().getByRole('button', { name: /^(More actions|Weitere Aktionen)/ }).click();
      await page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'react',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').last().focus();
      await page.locator('[data-message]').last().getByRole('button', { name: /^(React|Reagieren)/ }).click();
    },
  },
  { name: 'pinned', at: `?pinned${sales}` },
  {
    name: 'pins',
    at: `?pinned${sales}`,
    run: async (page) => {
      await named(page, 'Pinned messages \\(', 'Angeheftete Nachrichten \\(').click();
      await page.getByRole('dialog').locator('li').first().waitFor();
    },
  },
  {
    name: 'remind',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').last().focus();
      await page.locator('[data-message]').last().getByRole('button', { name: /^(More actions|Weitere Aktionen)/ }).click();
      await page.getByRole('menuitem', { name: /^(Remind me|Erinner)/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'reminder',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').first().waitFor();
      await page.evaluate(() => {
        const [conversation, { items }] = [...window.engine.timelines][0];
        const message = items.findLast((one) => one.type === 'message' && one.message.body.previews?.length > 0);
        window.engine.tell({ type: 'reminder', conversation, message: message.id, title: 'Vertrieb Nord', text: message.message.body.source });
      });
      await page.getByText(/reminded|erinnert/).waitFor();
    },
  },
  {
    name: 'conversation-menu',
    at: sales,
    run: async (page) => {
      await named(page, 'More about this', 'Mehr zu').click();
      await page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'mute-for',
    at: sales,
    run: async (page) => {
      await named(page, 'More about this', 'Mehr zu').click();
      await page.getByRole('menuitem', { name: /^(Mute for a time|Für eine Zeit|Eine Zeit|Auf Zeit)/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'preview',
    at: sales,
    run: async (page) => {
      await page.locator('textarea').fill('Hier steht alles: https://messe-nord.example/2027');
      await page.getByRole('group', { name: /2027/ }).waitFor();
    },
  },
  {
    name: 'emoji',
    at: sales,
    run: async (page) => {
      await named(page, 'Insert emoji', 'Emoji einfügen').click();
      await page.locator('button.emoji').first().waitFor();
    },
  },
  {
    name: 'composer',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').nth(3).focus();
      await page.keyboard.press('r');
      await page.locator('textarea').fill('Das klingt gut.\nIch frage noch einmal nach und melde mich bis Mittag.');
      await page.locator('textarea').press('Control+A');
    },
  },
  {
    name: 'mention',
    at: sales,
    run: async (page) => {
      await page.locator('textarea').pressSequentially('@');
      await page.getByRole('listbox').waitFor();
    },
  },
  {
    name: 'files',
    at: sales,
    run: async (page) => {
      await page.locator('input[type=file]').setInputFiles([
        { name: 'Hallenplan.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(240_000) },
        {
          name: 'stand.png',
          mimeType: 'image/png',
          buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64'),
        },
      ]);
    },
  },
  {
    name: 'account',
    at: '#/',
    run: async (page) => {
      await page.getByRole('button', { name: /Mara/ }).click();
    },
  },
  { name: 'switcher', at: sales, run: async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').waitFor();
    } },
  {
    name: 'search',
    at: sales,
    run: async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('an');
      await page.getByRole('group', { name: /^(Messages|Nachrichten)/ }).waitFor();
    },
  },
  {
    name: 'new',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'new-group',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').first().click();
      await page.getByRole('option').first().click();
      await page.getByRole('option').nth(2).click();
    },
  },
  {
    name: 'new-room',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').nth(1).click();
      await page.locator('button[type=submit]').click();
    },
  },
  {
    name: 'find-room',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').nth(2).click();
      await page.getByRole('option').nth(2).waitFor();
    },
  },
  {
    name: 'find-room-none',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').nth(2).click();
      await page.getByRole('combobox').fill('Schloss');
      await page.getByText(/Schloss[”“]/).waitFor();
    },
  },
  {
    name: 'join-link',
    at: '#/join/garten%40rooms.brenner.example',
    run: async (page) => {
      await page.getByRole('option').first().waitFor();
    },
  },
  {
    name: 'invite-person',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').nth(3).click();
      await page.getByRole('radio').first().waitFor();
    },
  },
  {
    name: 'invite-link',
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+Shift+k');
      await page.locator('.kind').nth(3).click();
      await page.locator('button[type=submit]').click();
      await page.getByRole('dialog').getByRole('img').waitFor();
    },
  },
  {
    name: 'invite-room',
    at: operations,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Add people', 'Personen aufnehmen').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'room-settings',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await page.getByRole('complementary').getByRole('button', { name: /^(Settings|Einstellungen)$/ }).click();
      await page.getByRole('dialog').getByRole('radio').first().waitFor();
    },
  },
  {
    name: 'room-settings-open',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await page.getByRole('complementary').getByRole('button', { name: /^(Settings|Einstellungen)$/ }).click();
      await page.getByRole('dialog').getByRole('radio').nth(1).check();
      await page.getByRole('dialog').getByRole('radio').nth(3).check();
      await page.getByRole('dialog').getByRole('combobox').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'member-menu',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Actions for Jana', 'Aktionen für Jana').click();
      await page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'ban',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Actions for Jana', 'Aktionen für Jana').click();
      await page.getByRole('menuitem', { name: /^(Ban|Sperren)/ }).click();
      await page.evaluate(() => (window.engine.refuses = 'not-allowed'));
      await page.getByRole('dialog').locator('button[type=submit]').click();
      await page.getByRole('dialog').getByRole('alert').locator('p').waitFor();
    },
  },
  {
    name: 'banned',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Banned people', 'Gesperrte Personen').click();
      await page.getByRole('dialog').locator('li').first().waitFor();
    },
  },
  {
    name: 'close-room',
    at: sales,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Close group', 'Gruppe endgültig').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'whisper',
    at: operations,
    run: async (page) => {
      await page.locator('[data-message]').nth(1).focus();
      await page.keyboard.press('r');
      await page.locator('textarea').fill('Um drei passt es ihm.');
    },
  },
  {
    name: 'devices',
    at: anton,
    run: async (page) => {
      await page.evaluate(() => {});
      await page.locator('header .who').click();
      await named(page, 'Devices', 'Geräte').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'verify',
    at: anton,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Devices', 'Geräte').click();
      await named(page.getByRole('dialog'), 'Compare', 'Vergleichen').first().click();
      await page.getByRole('tab').first().waitFor();
    },
  },
  {
    name: 'verify-qr',
    at: anton,
    run: async (page) => {
      await page.locator('header .who').click();
      await named(page, 'Devices', 'Geräte').click();
      await named(page.getByRole('dialog'), 'Compare', 'Vergleichen').first().click();
      await page.getByRole('tab').nth(1).click();
    },
  },
  ...['general', 'profile', 'notifications', 'privacy', 'devices', 'keyboard', 'about'].map((name, at) => ({
    name: `settings-${name}`,
    at: '#/',
    run: async (page) => {
      await page.keyboard.press('Control+,');
      await page.getByRole('dialog').getByRole('navigation').getByRole('button').nth(at).click();
    },
  })),
  {
    name: 'sign-out',
    at: '#/',
    run: async (page) => {
      await page.getByRole('button', { name: /Mara/ }).click();
      await named(page, 'Sign out', 'Abmelden').click();
      await page.getByRole('dialog', { name: /^(Sign out|Auf diesem)/ }).waitFor();
    },
  },
  {
    name: 'forward',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').last().focus();
      await page.locator('[data-message]').last().getByRole('button', { name: /^(More actions|Weitere Aktionen)/ }).click();
      await page.getByRole('menuitem', { name: /^(Forward|Weiterleiten)/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'delete',
    at: sales,
    run: async (page) => {
      await page.locator('[data-message]').last().focus();
      await page.locator('[data-message]').last().getByRole('button', { name: /^(More actions|Weitere Aktionen)/ }).click();
      await page.getByRole('menuitem', { name: /^(Delete|Für alle löschen)/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'viewer',
    at: sales,
    run: async (page) => {
      await page.getByRole('button', { name: /stand-2/ }).click();
      await page.getByRole('dialog').locator('img').waitFor();
    },
  },
  { name: 'administration-people', at: '#/administration/people' },
  { name: 'administration-person', at: '#/administration/people/anton', run: (page) => page.getByText('Pixel 9').waitFor() },
  {
    name: 'administration-disable',
    at: '#/administration/people/anton',
    run: async (page) => {
      await named(page, 'Disable', 'Sperren').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'administration-new',
    at: '#/administration/people',
    run: async (page) => {
      await named(page, 'New person', 'Neue Person').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'administration-invitations', at: '#/administration/invitations', run: (page) => page.getByText('praktikum').waitFor() },
  { name: 'administration-rooms', at: '#/administration/rooms', run: (page) => page.getByText('betrieb@').waitFor() },
  { name: 'administration-audit', at: '#/administration/audit', run: (page) => page.getByText(/^(Account disabled|Konto gesperrt)/).waitFor() },
  { name: 'administration-server', at: '#/administration/server', run: (page) => page.getByText('1,284').or(page.getByText('1.284')).waitFor() },
];
