//! CSV as spreadsheets write it (RFC 4180), with the line each record begins on.

/// One record: the line it begins on, counted from one, and its fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<String>,
}

/// Reads all records. Fields are separated by `,`; empty lines are left out.
///
/// # Errors
/// The line of a quote that is never closed.
pub(super) fn read(text: &str) -> Result<Vec<Record>, usize> {
    let mut records = Vec::new();
    let mut fields = Vec::new();
    let mut field = String::new();
    let (mut line, mut begin) = (1, 1);
    let mut quoted: Option<usize> = None;
    let mut characters = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .chars()
        .peekable();
    while let Some(character) = characters.next() {
        if character == '\n' {
            line += 1;
        }
        match (quoted, character) {
            (Some(_), '"') if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            (Some(_), '"') => quoted = None,
            (Some(_), other) => field.push(other),
            (None, '"') if field.is_empty() => quoted = Some(line),
            (None, ',') => fields.push(std::mem::take(&mut field)),
            (None, '\r') if characters.peek() == Some(&'\n') => {}
            (None, '\n') => {
                finish(&mut records, &mut fields, &mut field, begin);
                begin = line;
            }
            (None, other) => field.push(other),
        }
    }
    if let Some(line) = quoted {
        return Err(line);
    }
    finish(&mut records, &mut fields, &mut field, begin);
    Ok(records)
}

fn finish(records: &mut Vec<Record>, fields: &mut Vec<String>, field: &mut String, line: usize) {
    if !fields.is_empty() || !field.is_empty() {
        fields.push(std::mem::take(field));
        records.push(Record {
            line,
            fields: std::mem::take(fields),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(usize, Vec<String>)> {
        read(text)
            .expect("reads")
            .into_iter()
            .map(|record| (record.line, record.fields))
            .collect()
    }

    #[test]
    fn reads_what_spreadsheets_write() {
        let text = "\u{feff}name,password\r\nanna,\"a \"\"b\"\",\nc\",Anna Ä\r\n\r\nben,x,,";
        assert_eq!(
            fields(text),
            [
                (1, vec!["name".to_owned(), "password".to_owned()]),
                (
                    2,
                    vec![
                        "anna".to_owned(),
                        "a \"b\",\nc".to_owned(),
                        "Anna Ä".to_owned()
                    ]
                ),
                (
                    5,
                    vec![
                        "ben".to_owned(),
                        "x".to_owned(),
                        String::new(),
                        String::new()
                    ]
                ),
            ]
        );
        assert_eq!(read("a,\"b\nc"), Err(1));
        assert!(fields("").is_empty());
    }
}
