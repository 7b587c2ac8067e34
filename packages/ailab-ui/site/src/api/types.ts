/** The API's shapes by short names. They are generated: `npm run types` makes schema.d.ts from ../openapi.json. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type RunSummary = Schemas["RunSummary"];
export type RunState = RunSummary["state"];
export type Primary = Schemas["Primary"];
export type RunDetail = Schemas["RunDetail"];
export type Metric = Schemas["Metric"];
export type RunImage = Schemas["Image"];
export type NamedImages = Schemas["ImageHistory"];
export type LogTail = Schemas["LogTail"];
export type System = Schemas["System"];
export type Gpu = Schemas["Gpu"];
export type Task = Schemas["Task"];
export type NewTask = Schemas["NewTask"];
export type Login = Schemas["Session"];

/** A number that JSON can carry: one that is not finite arrives as its name. */
export type Num = Metric["last"];

/** One line of GET /stream. Unknown types are passed over. */
export type Message = Schemas["StreamMessage"];
