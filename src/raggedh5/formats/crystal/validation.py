"""placeholder"""


def check_batch(*a): ...
