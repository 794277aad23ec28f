"""Known mistakes of 00_welcome: each must fail, with a message that names it."""

from fedteach.authoring import mistake


@mistake("0.1", says="one way only")
def forgets_the_way_back(n_weights, n_clients):
    return n_clients * n_weights * 4 / 1_000_000


@mistake("0.1", says="these are bytes")
def gives_bytes(n_weights, n_clients):
    return 2 * n_clients * n_weights * 4


@mistake("0.1", says="1024 * 1024")
def takes_another_megabyte(n_weights, n_clients):
    return 2 * n_clients * n_weights * 4 / 2**20


@mistake("0.1", says="the result is rounded")
def rounds_the_result(n_weights, n_clients):
    return round(2 * n_clients * n_weights * 4 / 1_000_000, 2)


@mistake("0.1", says="cut the digits off")
def divides_to_whole_megabytes(n_weights, n_clients):
    return 2 * n_clients * n_weights * 4 // 1_000_000


@mistake("0.1", says="returned for every model")
def returns_the_number_of_the_text(n_weights, n_clients):
    return 1.53128
