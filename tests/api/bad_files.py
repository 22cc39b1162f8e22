"""Files that cannot be imported, and how each is refused."""

BAD_FILES = {  # name: (file, status, code, a word of what it says)
    "no bytes": (b"", 422, "empty_file", "Send a header line"),
    "blank lines only": (b"\n\r\n\n", 422, "empty_file", "Send a header line"),
    "header only": (b"email,firstName\n", 422, "no_rows", "nothing to import"),
    "a blank column name": (b"email,,lastName\na@example.com,b,c\n", 422, "blank_column", "Column 2"),
    "a doubled column name": (b"email,Email\na@example.com,b\n", 422, "duplicate_column", "email"),
    "no lookup column": (b"firstName,lastName\nA,B\n", 422, "missing_column", "'email'"),
    "another format": (b"email;firstName\na@example.com;A\n", 422, "missing_column", "format=ssv"),
    "a quote never closed": (b'email,firstName\na@example.com,A\nb@example.com,"B\n', 422, "unclosed_quote", "row 2"),
    "a NUL byte": (b"email\na@example.com\nb\0@example.com\n", 422, "nul_byte", "Row 2"),
    "bytes that are not UTF-8": (b"email\na@example.com\n\xff@example.com\n", 422, "bad_bytes", "Row 2"),
}
