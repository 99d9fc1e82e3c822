"""The figures of a report, a file each: numbers in, SVG text out; matplotlib is imported below."""
