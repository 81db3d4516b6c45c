"""What tests share: boards, models, sounds, oracles."""
