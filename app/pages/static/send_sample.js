// The first rows of a file, read from its beginning, for people to recognise their columns by.

const LOOK_BYTES = 65536;
const DELIMITERS = { csv: ",", ssv: ";", tsv: "\t" };
const LABELS = { cp1252: "windows-1252", cp1250: "windows-1250", cp1251: "windows-1251", mac_roman: "macintosh", utf_8_sig: "utf-8", "utf-8-sig": "utf-8" };

// Cells of the rows behind the header; none of a packed file, or in a charset that the browser does not know.
export async function firstRows(each, most) {
  if (each.packing) return [];
  const bytes = await each.file.slice(0, LOOK_BYTES).arrayBuffer();
  let decoder;
  try {
    decoder = new TextDecoder(LABELS[each.charset] ?? each.charset.replaceAll("_", "-"));
  } catch {
    return [];
  }
  return rowsOf(decoder.decode(bytes), DELIMITERS[each.format], most + 1).slice(1);
}

function rowsOf(text, delimiter, most) {
  const rows = [];
  let row = [], cell = "", isQuoted = false;
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const letter = text[at];
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += '"'; at += 1; }
      else isQuoted = false;
    } else if (letter === '"' && cell === "") isQuoted = true;
    else if (letter === delimiter) { row.push(cell); cell = ""; }
    else if (letter === "\n") { rows.push([...row, cell]); row = []; cell = ""; }
    else if (letter !== "\r") cell += letter;
  }
  if (rows.length < most && (cell || row.length)) rows.push([...row, cell]);
  return rows.filter((cells) => cells.some(Boolean));
}
