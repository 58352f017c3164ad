// Modal dialogs of the browser: it keeps the focus within; here it is given back.

/** Shows a dialog; what is returned closes it and gives the focus back to where it was. */
export function showModal(dialog: HTMLDialogElement): () => void {
  const before = document.activeElement;
  dialog.showModal();
  return () => {
    dialog.close();
    // The dialog may be out of the page already: then the browser gives nothing back.
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  };
}
