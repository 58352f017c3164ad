// Addresses of scripts that this page starts by itself. The policy of the server lets nobody else make one (Trusted Types): what
// a stranger writes can become text, never code.

interface Policy {
  createScriptURL(address: string): string;
}

/** As browsers with Trusted Types have it; others take a plain address. */
type Factory = { createPolicy(name: string, rules: Policy): Policy };

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;

const policy: Policy = {
  createScriptURL(address: string): string {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) throw new TypeError('Scripts come from this origin alone.');
    return url.href;
  },
};

const trusted = factory?.createPolicy('hauspost', policy) ?? policy;

/** The address of a script of our own. */
export const scriptAddress = (address: string | URL): string => trusted.createScriptURL(String(address));
