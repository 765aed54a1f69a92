"""Reports for people: text, HTML, SVG."""
