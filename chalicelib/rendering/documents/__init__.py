"""Letters made of blocks: what a manager writes as a document, compiled into the sources that the template system
renders."""
