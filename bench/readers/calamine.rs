//! Reads a workbook by calamine, cell by cell; prints seconds and cells.
use calamine::{open_workbook, DataRef, Reader, Xlsx};
use std::{fs::File, io::BufReader, time::Instant};

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let start = Instant::now();
    let mut book: Xlsx<BufReader<File>> = open_workbook(&path).expect("a workbook");
    let mut cells = 0u64;
    for name in book.sheet_names() {
        let mut reader = book.worksheet_cells_reader(&name).expect("a sheet");
        while let Some(cell) = reader.next_cell().expect("a cell") {
            cells += !matches!(cell.get_value(), DataRef::Empty) as u64;
        }
    }
    println!("{:.3} {}", start.elapsed().as_secs_f64(), cells);
}
