//! Reads a workbook of any format by calamine, cell by cell; prints cells.
use calamine::{open_workbook, open_workbook_auto, Data, DataRef, Reader, Xlsx};
use std::{fs::File, io::BufReader};

fn stream(path: &str) -> u64 {
    let mut book: Xlsx<BufReader<File>> = open_workbook(path).expect("a workbook");
    let mut cells = 0u64;
    for name in book.sheet_names() {
        let mut reader = book.worksheet_cells_reader(&name).expect("a sheet");
        while let Some(cell) = reader.next_cell().expect("a cell") {
            cells += !matches!(cell.get_value(), DataRef::Empty) as u64;
        }
    }
    cells
}

fn ranges(path: &str) -> u64 {
    let mut book = open_workbook_auto(path).expect("a workbook");
    let mut cells = 0u64;
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).expect("a sheet");
        cells += range.used_cells().filter(|cell| !matches!(cell.2, Data::Empty)).count() as u64;
    }
    cells
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    println!("{}", if path.ends_with(".xlsx") { stream(&path) } else { ranges(&path) });
}
