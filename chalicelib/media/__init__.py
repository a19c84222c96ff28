"""The media library: pictures for letters. Checked as they are added (`picture_file`), kept in a bucket (`shelf`), made
ready by a worker (`resizing`), which alone has Pillow (ADR 0100)."""
