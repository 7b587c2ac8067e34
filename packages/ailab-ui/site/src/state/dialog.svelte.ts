/** Whether the Add Server dialog is open, and with what filled in. */

export interface DialogRequest {
  readonly address?: string;
  readonly user?: string;
  /** Log in again to a server that is known: its address stays as it is. */
  readonly again?: boolean;
}

class Dialog {
  open: DialogRequest | null = $state.raw(null);

  show(request: DialogRequest = {}): void {
    this.open = request;
  }

  close(): void {
    this.open = null;
  }
}

export const dialog = new Dialog();
