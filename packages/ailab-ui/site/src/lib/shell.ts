/** A command line and its argument list, with a POSIX shell's quotes but nothing of its expansion. */

export class ShellError extends Error {}

/** Splits at blanks; '...' is literal, "..." knows \" \\ \$ \` and a backslash takes the next character. */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: "'" | '"' | null = null;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    const next = line[i + 1];
    if (quote === "'") {
      if (c === "'") quote = null;
      else word += c;
    } else if (quote === '"') {
      if (c === '"') quote = null;
      else if (c === "\\" && next !== undefined && '"\\$`\n'.includes(next)) {
        if (next !== "\n") word += next;
        i += 1;
      } else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (c === "\\") {
      if (next === undefined) throw new ShellError("The command ends with a lone backslash.");
      if (next !== "\n") word = (word ?? "") + next;
      i += 1;
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote !== null) throw new ShellError(`A ${quote} quote is not closed.`);
  if (word !== null) words.push(word);
  return words;
}

/** One line that splitCommand (and a shell) reads back as the same list. */
export function joinCommand(words: readonly string[]): string {
  return words.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", `'"'"'`)}'`)).join(" ");
}
