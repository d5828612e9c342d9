"""The page of a load: its facts as frozen records, its charts, and the template that draws them."""
