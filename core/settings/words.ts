// Splits a command written as one text into words, as a shell would, without expanding anything.

/** Words of a command: blanks separate, quotes and backslashes keep together. Undefined when a quote is not closed. */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\" && quote !== "'") {
      const next = text.charAt(++i);
      if (next === "") return undefined;
      word = (word ?? "") + (quote === '"' && !'"\\$`\n'.includes(next) ? `\\${next}` : next);
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}
