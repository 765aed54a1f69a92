"""How well two hypnograms agree, for people. Pure."""

from gateway.evaluation.agreement import Agreement


def agreement_line(agreement: Agreement) -> str:
    """Write accuracy and kappa, and over which epochs they were taken."""
    over = f"{agreement.n_both} epochs scored by both"
    if agreement.n_refused:
        over += f", {agreement.n_refused} not scored by us"
    if agreement.accuracy is None:
        return f"nothing to compare ({over})"
    kappa = "-" if agreement.kappa is None else f"{agreement.kappa:.2f}"
    return f"accuracy {agreement.accuracy:.1%}, kappa {kappa} ({over})"
