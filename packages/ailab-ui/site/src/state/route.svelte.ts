/** The page that the address's hash asks for. */

import { parseHash, type Route } from "../lib/links";

class Router {
  route: Route = $state.raw(parseHash(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = parseHash(location.hash)));
  }
}

export const router = new Router();
