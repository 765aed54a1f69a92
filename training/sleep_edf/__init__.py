"""Train on a user's own Sleep-EDF: fetch, prepare, fit by subject-wise folds, export.

Sleep-EDF Expanded 1.0.0: PhysioNet, Open Data Commons Attribution Licence,
https://doi.org/10.13026/C2X676; Kemp et al. 2000, IEEE TBME 47(9):1185-1194.
"""
