// SheetJS as corpus.py asks for it: a path a line in, a line of JSON out (corpus_readers.py says of what form).
const XLSX = require(process.argv[2]);
const fs = require("fs");

const ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A", 43: "#GETTING_DATA"};

function days(serial, date1904) {
	if (date1904)
		return serial + 1462;
	return serial >= 1 && serial < 60 ? serial + 1 : serial;
}

function cellOf(cell, date1904) {
	switch (cell.t) {
		case "n":
			if (cell.z !== undefined && XLSX.SSF.is_date(String(cell.z)))
				return ["d", days(cell.v, date1904)];
			return ["n", cell.v];
		case "s":
			return ["s", String(cell.v)];
		case "b":
			return ["b", !!cell.v];
		case "e":
			return ["e", ERRORS[cell.v] || "#" + cell.v];
		case "d":
			return ["d", cell.v.getTime() / 86400000 + 25569];
	}
	return null;
}

function read(path) {
	const book = XLSX.read(fs.readFileSync(path), {cellNF: true, cellText: false, cellHTML: false, cellFormula: false, sheetStubs: false, dense: false});
	const date1904 = !!(book.Workbook && book.Workbook.WBProps && book.Workbook.WBProps.date1904);
	const sheets = {};

	for (const name of book.SheetNames) {
		const cells = [];

		for (const [at, cell] of Object.entries(book.Sheets[name])) {
			const value = at[0] === "!" ? null : cellOf(cell, date1904);
			const place = value && XLSX.utils.decode_cell(at);

			if (value)
				cells.push([place.r + 1, place.c + 1, ...value]);
		}
		sheets[name] = cells;
	}
	return {sheets};
}

require("readline").createInterface({input: process.stdin}).on("line", path => {
	let result;

	try {
		result = read(path);
	} catch (error) {
		result = {error: String(error.message).slice(0, 200)};
	}
	process.stdout.write(JSON.stringify(result) + "\n");
});
