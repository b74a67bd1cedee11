"""Explanations: where the evidence lies, drawn, cut into regions, and judged.

    import corrosion
    [explanation] = corrosion.explain(model, images)

`cam` computes class activation maps, `explanation` gives them as plain arrays, `overlay` draws
them, `regions` cuts them into boxes, `explain_files` is `corrosion explain`.
"""
