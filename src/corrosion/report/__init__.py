"""Results as people read them: tables, figures and pages.

`run_report` writes a run on one page, `comparison_report` several runs side by side (with
`comparison_tables` and `comparison_sentences`; `latex` for a paper), `plan_report` what a
comparison needs, `audit_report` what was found in folders; `evaluation_report`,
`explanation_scores` and `console` write the tables of their commands. `inspection` reads what
`corrosion predict` found and writes its pages. `published` has the paper's own results,
`data_summary` counts a run's images.
Figures come from `evaluation_figures`, `comparison_figures`, `training_curves` and
`photograph_sheets`; `page` and `tables` are what all pages are made of.
"""
