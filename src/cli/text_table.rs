//! Tables for people: columns that are as wide as their cells, and lines that are not longer than the terminal.

use unicode_width::UnicodeWidthStr as _;

/// The space between columns.
const GAP: usize = 2;
/// A column that is shortened keeps at least this width.
const LEAST: usize = 8;

/// The lines of a table, the titles first. With `width`, no line is longer, as long as the columns keep a least width: the widest
/// columns are shortened first. `right` says which columns stand to the right.
pub(super) fn lines(
    titles: &[&str],
    right: &[bool],
    rows: &[Vec<String>],
    width: Option<usize>,
) -> Vec<String> {
    let mut widths: Vec<usize> = titles.iter().map(|title| title.width()).collect();
    for row in rows {
        for (wanted, cell) in widths.iter_mut().zip(row) {
            *wanted = (*wanted).max(cell.width());
        }
    }
    if let Some(width) = width {
        shorten(&mut widths, width);
    }
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    std::iter::once(&titles).chain(rows).map(|row| line(row, right, &widths)).collect()
}

/// Takes width from the widest column, until all columns fit or none is wider than the least.
fn shorten(widths: &mut [usize], width: usize) {
    loop {
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let Some(widest) = widths.iter_mut().max() else { return };
        if total <= width || *widest <= LEAST {
            return;
        }
        *widest -= 1;
    }
}

fn line(row: &[String], right: &[bool], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let cell = cut(cell, *width);
        let space = " ".repeat(width.saturating_sub(cell.width()));
        if at > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        if right.get(at) == Some(&true) {
            line.push_str(&space);
            line.push_str(&cell);
        } else {
            line.push_str(&cell);
            line.push_str(&space);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text, which is cut with `…` if it is wider.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    // The width of a text is not the sum of its characters: some change the width of others.
    let mut kept = String::new();
    for c in text.chars() {
        let before = kept.len();
        kept.push(c);
        if kept.width() + 1 > width {
            kept.truncate(before);
            break;
        }
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = rows(&[&["7", "Zoë"], &["1024", "日本語"]]);
        assert_eq!(
            lines(&["id", "name"], &[true, false], &rows, None),
            ["  id  name", "   7  Zoë", "1024  日本語"]
        );
    }

    #[test]
    fn the_widest_column_is_shortened_first() {
        let rows = rows(&[&["7", "a text that is much too long"]]);
        assert_eq!(
            lines(&["id", "text"], &[true, false], &rows, Some(20)),
            ["id  text", " 7  a text that is …"]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(cells: Vec<[String; 3]>, width in 28_usize..200) {
            let rows: Vec<Vec<String>> =
                cells.into_iter().map(|row| row.map(|cell| cell.replace(char::is_control, "")).to_vec()).collect();
            for line in lines(&["a", "b", "c"], &[false, true, false], &rows, Some(width)) {
                proptest::prop_assert!(line.width() <= width, "{line}");
            }
        }
    }
}
