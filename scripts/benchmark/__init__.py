"""Times engines on the same networks in one run.

Every engine gets a process of its own for each network and number of threads, loads the network
once, and then the engines take turns in short bursts, so that what disturbs the machine disturbs
all of them.
"""
