"""The story of one part, told in steps; each step proves its own effect and fails loudly."""

from infra.demo.story.tale import STEPS
from infra.demo.story.telling import Step, StepResult, Story, tell

__all__ = ["STEPS", "Step", "StepResult", "Story", "tell"]
