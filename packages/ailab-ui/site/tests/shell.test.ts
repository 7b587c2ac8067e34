import { describe, expect, test } from "vitest";

import { joinCommand, ShellError, splitCommand } from "../src/lib/shell";

describe("splitCommand", () => {
  test.each<[string, string[]]>([
    ["", []],
    ["   ", []],
    ["python train.py", ["python", "train.py"]],
    ["  python\t train.py \n", ["python", "train.py"]],
    [`a 'b c' "d e"`, ["a", "b c", "d e"]],
    [`--name="my run"`, ["--name=my run"]],
    [`'it'"'"'s'`, ["it's"]],
    [`a '' "" b`, ["a", "", "", "b"]],
    ["a\\ b", ["a b"]],
    [`"a\\"b" "c\\d" "\\$x"`, ['a"b', "c\\d", "$x"]],
    [`'a\\b'`, ["a\\b"]],
    ["$(rm -rf ~) ; | && > x", ["$(rm", "-rf", "~)", ";", "|", "&&", ">", "x"]],
    ["a \\\n b", ["a", "b"]],
    ["größe=1 😀", ["größe=1", "😀"]],
  ])("%j", (line, words) => expect(splitCommand(line)).toEqual(words));

  test.each(["'open", '"open', 'a "b', "end\\"])("refuses %j", (line) => expect(() => splitCommand(line)).toThrow(ShellError));
});

test("joinCommand is read back as the same list", () => {
  const lists = [[], ["a"], ["", " "], ["it's", 'a"b', "c\\d", "$x", "*", "a=b", "/x/y.py", "\n"], ["-c", "print('hi')"]];
  for (const words of lists) expect(splitCommand(joinCommand(words))).toEqual(words);
  expect(joinCommand(["python", "train.py", "--lr=0.1"])).toBe("python train.py --lr=0.1");
});
