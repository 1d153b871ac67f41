"""How the documentation becomes a site: `make docs`. Every warning is an error there."""

project = "iTechSmart Workflow"
author = "the iTechSmart Workflow authors"
html_title = project
language = "en"

extensions = ["myst_parser"]
myst_heading_anchors = 4
nitpicky = True
# YAML with $[[ … ]] in it is no YAML to the highlighter, which then colours what it can.
suppress_warnings = ["misc.highlighting_failure"]
highlight_language = "text"

html_theme = "pydata_sphinx_theme"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": project},
    "navbar_persistent": [],
    "navbar_center": ["navbar-nav"],
    "navbar_end": ["search-button-field", "theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "show_nav_level": 2,
    "search_as_you_type": True,
}
# One page needs no list of its section.
html_sidebars = {"tutorial/*": []}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_use_index = False
html_copy_source = False
html_show_sourcelink = False
