-- What the processes of a team hold of a budget: reported and held amounts are pico-USD in decimal, because a budget may
-- be larger than an integer here. A row without a holder has the reports of processes that were silent for long.
CREATE TABLE reservations (
  budget TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  holder TEXT NOT NULL,
  turn INTEGER NOT NULL,
  used TEXT NOT NULL,
  held TEXT NOT NULL,
  largest TEXT NOT NULL,
  until_ns INTEGER NOT NULL,
  PRIMARY KEY (budget, start_ns, holder)
) STRICT, WITHOUT ROWID;
