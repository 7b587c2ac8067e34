/** The servers this browser knows, kept in its storage. */

import { addressKey } from "../api/address";
import { Client } from "../api/client";
import { Server } from "./server.svelte";
import { loadServers, onServersChanged, saveServers } from "./storage";

class Servers {
  list: readonly Server[] = $state.raw([]);

  constructor() {
    this.#read();
    onServersChanged(() => this.#read());
  }

  find(key: string): Server | undefined {
    return this.list.find((server) => server.key === key);
  }

  /** Logs in and keeps the server; one that is known already gets the new login. */
  async login(address: string, user: string, password: string, remember: boolean): Promise<Server> {
    const login = await new Client(address).login(user, password);
    const kept = remember ? password : null;
    // http and https of one host and port are one server.
    const known = this.find(addressKey(address));
    let server: Server;
    if (known !== undefined && known.address === address) {
      server = known;
      server.adopt(login.user || user, login.token, kept);
    } else {
      known?.disconnect();
      server = this.#make({ address, user: login.user || user, token: login.token, password: kept });
      this.list = [...this.list.filter((s) => s !== known), server];
      server.connect();
    }
    this.#write();
    return server;
  }

  remove(server: Server): void {
    this.list = this.list.filter((s) => s !== server);
    void server.logout();
    this.#write();
  }

  #make(saved: ConstructorParameters<typeof Server>[0]): Server {
    return new Server(saved, () => this.#write());
  }

  /** Brings the list in line with storage: at the start, and when another tab changed it. */
  #read(): void {
    const before = new Map(this.list.map((server) => [server.address, server]));
    this.list = loadServers().map((saved) => {
      const server = before.get(saved.address);
      before.delete(saved.address);
      if (server === undefined) {
        const made = this.#make(saved);
        made.connect();
        return made;
      }
      if (server.client.token !== saved.token) server.adopt(saved.user, saved.token, saved.password);
      return server;
    });
    for (const gone of before.values()) gone.disconnect();
  }

  #write(): void {
    saveServers(this.list.map((server) => server.saved));
  }
}

export const servers = new Servers();
