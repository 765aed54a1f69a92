"""Derivations of a Muse's four electrodes; each is recorded against Fpz.

The longer the distance the better: forehead against ears for the frontal EEG, and
one ear, or none of the forehead, where electrodes are off. Forehead against Fpz alone
is 3 to 4 uV of signal and is not offered. That distance matters more than the site:
Mikkelsen et al., arXiv 2104.04567.
"""

FRONTAL = ("(AF7+AF8)/2", "AF7", "AF8")
EARS = ("(TP9+TP10)/2", "TP9", "TP10")
REFERENCE = ""  # Fpz itself

DERIVATIONS = {
    "EEG Fpz-Cz": tuple(
        f"{front}-{ear}" for front in (*FRONTAL, REFERENCE) for ear in EARS
    ),
    "EOG horizontal": ("AF7-AF8",),
}
