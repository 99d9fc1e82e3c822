"""Models of the field, one readable file each, as in their papers. Needs the torch extra."""
