//! One table, in three forms: for a terminal, for Markdown and for a page.

use super::plain::{code, plain};
use crate::visible;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};
use maud::{Markup, html};
use std::fmt::Write;

/// Rows under named columns.
pub(super) struct Table {
    class: &'static str,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// A column.
pub(super) struct Column {
    name: String,
    title: Option<String>,
    class: &'static str,
    is_numbers: bool,
    is_head: bool,
    is_on_pages_only: bool,
}

struct Row {
    /// Its place on a page.
    id: Option<String>,
    cells: Vec<Cell>,
}

/// How wide the terminal is, if it is one.
pub fn width() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

/// Rows of plain text under a header, for a terminal.
pub fn columns<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new(header.map(words));
    for row in rows {
        table.row(row.map(Cell::new));
    }
    table.text()
}

/// What stands in a column of a row.
pub(super) struct Cell {
    text: String,
    form: Form,
}

enum Form {
    Plain,
    /// A name that is typed, such as that of a model.
    Code,
    /// What somebody must look at.
    Alarm,
    /// Something that a page shows in another way.
    Shown(Markup),
}

/// A column of words.
pub(super) fn words(name: impl Into<String>) -> Column {
    Column {
        name: name.into(),
        title: None,
        class: "",
        is_numbers: false,
        is_head: false,
        is_on_pages_only: false,
    }
}

/// A column of numbers, which stand at its right and are never broken.
pub(super) fn numbers(name: impl Into<String>) -> Column {
    Column {
        class: "number",
        is_numbers: true,
        ..words(name)
    }
}

impl Column {
    /// Its heading on a page, where its name with a capital is not enough.
    pub(super) fn titled(self, title: impl Into<String>) -> Column {
        Column {
            title: Some(title.into()),
            ..self
        }
    }

    /// The class of its cells on a page.
    pub(super) fn class(self, class: &'static str) -> Column {
        Column { class, ..self }
    }

    /// The column that says what a row is about; without one, it is the first.
    pub(super) fn head(self) -> Column {
        Column {
            is_head: true,
            ..self
        }
    }

    /// A column for which there is room on a page alone.
    pub(super) fn on_pages_only(self) -> Column {
        Column {
            is_on_pages_only: true,
            ..self
        }
    }

    fn heading(&self) -> String {
        let mut letters = self.name.chars();
        match (&self.title, letters.next()) {
            (Some(title), _) => title.clone(),
            (None, Some(first)) => first.to_uppercase().chain(letters).collect(),
            (None, None) => String::new(),
        }
    }
}

impl Cell {
    /// What is the same everywhere.
    pub(super) fn new(text: impl ToString) -> Cell {
        Cell {
            text: text.to_string(),
            form: Form::Plain,
        }
    }

    /// A name that is typed, such as that of a model.
    pub(super) fn code(text: impl ToString) -> Cell {
        Cell {
            form: Form::Code,
            ..Cell::new(text)
        }
    }

    /// What somebody must look at.
    pub(super) fn alarm(text: impl ToString) -> Cell {
        Cell {
            form: Form::Alarm,
            ..Cell::new(text)
        }
    }

    /// What a page shows as that, and others as text.
    pub(super) fn shown(text: impl ToString, markup: Markup) -> Cell {
        Cell {
            form: Form::Shown(markup),
            ..Cell::new(text)
        }
    }

    /// A count of nothing, which is said quietly.
    pub(super) fn none() -> Cell {
        Cell::shown("-", html! { span.none { "0" } })
    }

    /// A value that may not be there.
    pub(super) fn maybe(text: Option<String>) -> Cell {
        Cell::new(text.unwrap_or_else(|| "-".into()))
    }

    fn markdown(&self) -> String {
        match self.form {
            _ if self.text.is_empty() => String::new(),
            Form::Plain | Form::Shown(_) => plain(&self.text),
            Form::Code => code(&self.text),
            Form::Alarm => format!("**{}**", plain(&self.text)),
        }
    }

    fn html(&self) -> Markup {
        match &self.form {
            Form::Plain => html! { (self.text) },
            Form::Code => html! { code { (self.text) } },
            Form::Alarm => html! { b.refuted { (self.text) } },
            Form::Shown(markup) => markup.clone(),
        }
    }
}

impl Table {
    /// A table without rows.
    pub(super) fn new(columns: impl IntoIterator<Item = Column>) -> Table {
        let mut columns: Vec<Column> = columns.into_iter().collect();
        if columns.iter().all(|column| !column.is_head)
            && let Some(first) = columns.first_mut()
        {
            first.is_head = true;
        }
        Table {
            class: "",
            columns,
            rows: Vec::new(),
        }
    }

    /// Its class on a page.
    pub(super) fn class(self, class: &'static str) -> Table {
        Table { class, ..self }
    }

    /// Adds a row; a cell a column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row {
            id: None,
            cells: cells.into_iter().collect(),
        });
    }

    /// Adds a row that has a place of its own on a page.
    pub(super) fn row_at(&mut self, id: String, cells: impl IntoIterator<Item = Cell>) {
        self.row(cells);
        if let Some(row) = self.rows.last_mut() {
            row.id = Some(id);
        }
    }

    /// The columns that are not for pages only.
    fn off_pages(&self) -> impl Iterator<Item = &Column> {
        let columns = self.columns.iter();
        columns.filter(|column| !column.is_on_pages_only)
    }

    /// What stands in them.
    fn cells_off_pages<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Cell> {
        let cells = row.cells.iter().zip(&self.columns);
        let cells = cells.filter(|(_, column)| !column.is_on_pages_only);
        cells.map(|(cell, _)| cell)
    }

    /// For a terminal; where it is narrow words wrap, numbers do not.
    pub(super) fn text(&self) -> String {
        self.arranged(ContentArrangement::Dynamic)
    }

    /// As wide as its cells are.
    pub(super) fn whole_text(&self) -> String {
        self.arranged(ContentArrangement::Disabled)
    }

    fn arranged(&self, arrangement: ContentArrangement) -> String {
        let mut table = comfy_table::Table::new();
        let cell = |text: &str, column: &Column| {
            // shown before it is measured; a line's end would look like that of a row
            let text = visible::text(text).replace(['\n', '\t'], " ");
            comfy_table::Cell::new(text).set_alignment(match column.is_numbers {
                true => CellAlignment::Right,
                false => CellAlignment::Left,
            })
        };
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(arrangement)
            .set_header(self.off_pages().map(|column| cell(&column.name, column)));
        for row in &self.rows {
            let cells = self.cells_off_pages(row).zip(self.off_pages());
            table.add_row(cells.map(|(one, column)| cell(&one.text, column)));
        }
        for (laid, column) in table.column_iter_mut().zip(self.off_pages()) {
            if column.is_numbers {
                laid.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        format!("{}\n", table.trim_fmt())
    }

    /// For a pull request.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from("|");
        // infallible: a String takes all
        for column in self.off_pages() {
            let _ = write!(text, " {} |", plain(&column.name));
        }
        text += "\n|";
        for column in self.off_pages() {
            text += if column.is_numbers { "---:|" } else { "---|" };
        }
        text.push('\n');
        for row in &self.rows {
            text.push('|');
            for cell in self.cells_off_pages(row) {
                let _ = write!(text, " {} |", cell.markdown());
            }
            text.push('\n');
        }
        text
    }

    /// For a page; a narrow one scrolls it under that name.
    pub(super) fn html(&self, name: &str) -> Markup {
        let some = |class: &'static str| Some(class).filter(|class| !class.is_empty());
        html! {
            div.wide tabindex="0" role="region" aria-label=(name) {
                table class=[some(self.class)] {
                    thead { tr { @for column in &self.columns {
                        @if column.is_numbers { th.number scope="col" { span { (column.heading()) } } }
                        @else { th scope="col" { (column.heading()) } }
                    } } }
                    tbody { @for row in &self.rows { tr id=[&row.id] {
                        @for (cell, column) in row.cells.iter().zip(&self.columns) {
                            @if column.is_head { th class=[some(column.class)] scope="row" { (cell.html()) } }
                            @else { td class=[some(column.class)] { (cell.html()) } }
                        }
                    } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_of_one_table() {
        let more = words("more").on_pages_only();
        let columns = [words("claim").class("id"), more, numbers("ms").titled("ms")];
        let mut table = Table::new(columns);
        table.row([Cell::code("a|b"), Cell::new("long"), Cell::new(1200)]);
        table.row([Cell::alarm("<i>"), Cell::new("long"), Cell::none()]);
        assert_eq!(table.text(), " claim    ms\n a|b    1200\n <i>       -\n");
        let markdown = "| claim | ms |\n|---|---:|\n| `a\\|b` | 1200 |\n| **&lt;i&gt;** | - |\n";
        assert_eq!(table.markdown(), markdown);
        let page = table.html("Claims").into_string();
        for part in [
            r#"<th scope="col">Claim</th>"#,
            "<td>long</td>",
            r#"<th class="number" scope="col"><span>ms</span></th>"#,
            r#"<th class="id" scope="row"><code>a|b</code></th>"#,
            r#"<b class="refuted">&lt;i&gt;</b>"#,
            r#"<td class="number"><span class="none">0</span></td>"#,
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }
}
