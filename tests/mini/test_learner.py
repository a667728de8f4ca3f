from itertools import pairwise
from pathlib import Path

import torch

from evals.mini.learner import Learner, build_optimizers, rate_at
from evals.mini.network import build_network


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    rates = [rate_at(step, num_steps=1000) for step in range(1000)]
    assert rates[0] < 0.05
    assert rates[400] == 1.0
    assert all(earlier >= later for earlier, later in pairwise(rates[100:]))
    assert rates[-1] < 0.01


def test_every_weight_has_one_optimizer() -> None:
    network = build_network()
    learnt = [
        id(weight)
        for optimizer in build_optimizers(network)
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    assert len(learnt) == len(set(learnt))
    assert set(learnt) == {id(weight) for weight in network.parameters()}


def test_a_resumed_learner_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    def make() -> Learner:
        torch.manual_seed(0)
        return Learner(build_network(), num_steps=10, seed=0)

    def learn(learner: Learner) -> None:
        weights = [weight.square().sum() for weight in learner.network.parameters()]
        learner.learn(torch.stack(weights).sum())

    straight, stopped = make(), make()
    for learner in (straight, stopped):
        learn(learner)
    stopped.save(tmp_path / "state", step=1)
    resumed = make()
    assert resumed.resume(tmp_path / "state") == 1
    for learner in (straight, resumed):
        learn(learner)
    for one, other in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_state_of_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    network = build_network()
    Learner(network, num_steps=10, seed=0).save(tmp_path / "state", step=5)
    assert Learner(network, num_steps=10, seed=0).resume(tmp_path / "state") == 5
    assert Learner(network, num_steps=20, seed=0).resume(tmp_path / "state") is None
    assert Learner(network, num_steps=10, seed=1).resume(tmp_path / "state") is None
