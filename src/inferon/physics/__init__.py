"""Physics data: generators, the sample format, matching, metrics.

The modules of this folder need numpy only; Pythia 8 and FastJet (the extra ``inferon[physics]``)
are imported where jets are *made*, in ``pythia_events`` and ``jet_clustering``, and nowhere else.
"""
